//! The tables of TPC-H at a small scale, from the generator of its specification.

use crate::support::world::{Cell, Column, Table, columns, text};
use std::fmt::Display;
use std::sync::OnceLock;
use tpchgen::distribution::Distributions;
use tpchgen::generators as tpch;
use tpchgen::text::TextPool;

/// Bytes of the pool that comments are taken from. That of the specification has 300 MiB.
const POOL_BYTES: i32 = 1 << 20;

/// The eight tables at a scale factor.
pub(crate) fn tables(scale: f64) -> Vec<Table> {
    static POOL: OnceLock<TextPool> = OnceLock::new();
    let words = Distributions::static_default();
    let pool = POOL.get_or_init(|| TextPool::new(POOL_BYTES, words));
    macro_rules! rows {
        ($generator:ident) => {
            tpch::$generator::new_with_distributions_and_text_pool(scale, 1, 1, words, pool).iter()
        };
    }
    let no_scale = tpch::RegionGenerator::new_with_distributions_and_text_pool(words, pool);
    let nations = tpch::NationGenerator::new_with_distributions_and_text_pool(words, pool);
    let supplies = tpch::PartSuppGenerator::new_with_text_pool(scale, 1, 1, pool);
    vec![
        table("region", REGION, no_scale.iter()),
        table("nation", NATION, nations.iter()),
        table("part", PART, rows!(PartGenerator)),
        table("supplier", SUPPLIER, rows!(SupplierGenerator)),
        table("partsupp", PARTSUPP, supplies.iter()),
        table("customer", CUSTOMER, rows!(CustomerGenerator)),
        table("orders", ORDERS, rows!(OrderGenerator)),
        table("lineitem", LINEITEM, rows!(LineItemGenerator)),
    ]
}

/// The rows as the generator writes them: values that end in a bar.
fn table(
    name: &'static str,
    declared: &[(&'static str, &'static str)],
    rows: impl Iterator<Item = impl Display>,
) -> Table {
    let columns = columns(declared);
    let rows = rows.map(|row| {
        let line = row.to_string();
        let values: Vec<&str> = line.trim_end_matches('|').split('|').collect();
        assert_eq!(values.len(), columns.len(), "{name}: {line}");
        values.into_iter().zip(&columns).map(|(value, column)| cell(value, column)).collect()
    });
    let rows = rows.collect();
    Table { name, columns, rows }
}

fn cell(value: &str, column: &Column) -> Cell {
    match column.declared {
        "INTEGER" | "BIGINT" => Cell::Int(value.parse().expect("a whole number")),
        "DATE" => Cell::Time(value.to_string()),
        "TEXT" => text(value),
        _ => Cell::Dec(value.to_string()),
    }
}

type Declared = &'static [(&'static str, &'static str)];

const REGION: Declared = &[("r_regionkey", "INTEGER"), ("r_name", "TEXT"), ("r_comment", "TEXT")];

const NATION: Declared = &[
    ("n_nationkey", "INTEGER"),
    ("n_name", "TEXT"),
    ("n_regionkey", "INTEGER"),
    ("n_comment", "TEXT"),
];

const PART: Declared = &[
    ("p_partkey", "INTEGER"),
    ("p_name", "TEXT"),
    ("p_mfgr", "TEXT"),
    ("p_brand", "TEXT"),
    ("p_type", "TEXT"),
    ("p_size", "INTEGER"),
    ("p_container", "TEXT"),
    ("p_retailprice", "DECIMAL(15,2)"),
    ("p_comment", "TEXT"),
];

const SUPPLIER: Declared = &[
    ("s_suppkey", "INTEGER"),
    ("s_name", "TEXT"),
    ("s_address", "TEXT"),
    ("s_nationkey", "INTEGER"),
    ("s_phone", "TEXT"),
    ("s_acctbal", "DECIMAL(15,2)"),
    ("s_comment", "TEXT"),
];

const PARTSUPP: Declared = &[
    ("ps_partkey", "INTEGER"),
    ("ps_suppkey", "INTEGER"),
    ("ps_availqty", "INTEGER"),
    ("ps_supplycost", "DECIMAL(15,2)"),
    ("ps_comment", "TEXT"),
];

const CUSTOMER: Declared = &[
    ("c_custkey", "INTEGER"),
    ("c_name", "TEXT"),
    ("c_address", "TEXT"),
    ("c_nationkey", "INTEGER"),
    ("c_phone", "TEXT"),
    ("c_acctbal", "DECIMAL(15,2)"),
    ("c_mktsegment", "TEXT"),
    ("c_comment", "TEXT"),
];

const ORDERS: Declared = &[
    ("o_orderkey", "INTEGER"),
    ("o_custkey", "INTEGER"),
    ("o_orderstatus", "TEXT"),
    ("o_totalprice", "DECIMAL(15,2)"),
    ("o_orderdate", "DATE"),
    ("o_orderpriority", "TEXT"),
    ("o_clerk", "TEXT"),
    ("o_shippriority", "INTEGER"),
    ("o_comment", "TEXT"),
];

const LINEITEM: Declared = &[
    ("l_orderkey", "INTEGER"),
    ("l_partkey", "INTEGER"),
    ("l_suppkey", "INTEGER"),
    ("l_linenumber", "INTEGER"),
    ("l_quantity", "DECIMAL(15,2)"),
    ("l_extendedprice", "DECIMAL(15,2)"),
    ("l_discount", "DECIMAL(15,2)"),
    ("l_tax", "DECIMAL(15,2)"),
    ("l_returnflag", "TEXT"),
    ("l_linestatus", "TEXT"),
    ("l_shipdate", "DATE"),
    ("l_commitdate", "DATE"),
    ("l_receiptdate", "DATE"),
    ("l_shipinstruct", "TEXT"),
    ("l_shipmode", "TEXT"),
    ("l_comment", "TEXT"),
];
