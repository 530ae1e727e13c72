//! The shop: customers, products and what was ordered.

use super::database::{Cell, Content, Table};
use super::people::{self, Person};
use super::products::PRODUCTS;
use super::random::Random;
use chrono::{Days, NaiveDate, NaiveDateTime, TimeDelta};

const SEED: u64 = 0x5E1F_0F5E;
const CUSTOMERS: i64 = 500;
const ORDERS: usize = 4_000;

/// Tables, keys and indexes.
const SCHEMA: &str = "
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    phone TEXT NOT NULL,
    tax_id TEXT NOT NULL,
    birth_date DATE NOT NULL,
    city TEXT NOT NULL,
    region TEXT NOT NULL CHECK (region IN ('EU', 'US', 'APAC', 'LATAM')),
    created_at DATETIME NOT NULL
);
CREATE TABLE products (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    category TEXT NOT NULL,
    price DECIMAL(10,2) NOT NULL
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    ordered_at DATETIME NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('processing', 'shipped', 'delivered', 'returned', 'cancelled')),
    total DECIMAL(12,2) NOT NULL
);
CREATE TABLE order_items (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    product_id INTEGER NOT NULL REFERENCES products (id),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    unit_price DECIMAL(10,2) NOT NULL
);
CREATE INDEX customers_region ON customers (region);
CREATE INDEX orders_customer_id ON orders (customer_id);
CREATE INDEX orders_ordered_at ON orders (ordered_at);
CREATE INDEX order_items_order_id ON order_items (order_id);
CREATE INDEX order_items_product_id ON order_items (product_id);
";

/// What happened in the shop. The support desk hears of it, too.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) customers: Vec<Customer>,
    pub(super) orders: Vec<Order>,
}

/// A customer.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) id: i64,
    pub(super) person: Person,
    born: NaiveDate,
    since: NaiveDateTime,
}

/// An order.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: i64,
    pub(super) customer_id: i64,
    pub(super) at: NaiveDateTime,
    status: &'static str,
    pub(super) items: Vec<Item>,
}

/// A line of an order.
#[derive(Debug)]
pub(super) struct Item {
    /// Index in [`PRODUCTS`].
    pub(super) product: usize,
    quantity: i64,
    cents: i64,
}

/// The day on which the demo's history ends.
pub(super) fn today() -> NaiveDateTime {
    at(2026, 10, 31)
}

/// Midnight of a day that exists.
pub(super) fn at(year: i32, month: u32, day: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default().into()
}

/// A moment from `first` on and before `last`, within business hours.
pub(super) fn moment(
    random: &mut Random,
    first: NaiveDateTime,
    last: NaiveDateTime,
) -> NaiveDateTime {
    let days = (last - first).num_days().max(1);
    let day = first + TimeDelta::days(random.below(days));
    NaiveDateTime::from(day.date()) + TimeDelta::seconds(random.between(7 * 3600, 22 * 3600))
}

/// A moment as it is stored.
pub(super) fn stored(moment: NaiveDateTime) -> Cell {
    Cell::Text(moment.format("%Y-%m-%d %H:%M:%S").to_string())
}

impl Shop {
    /// The shop, the same every time.
    pub(super) fn generate() -> Self {
        let mut random = Random::new(SEED);
        let customers: Vec<_> = (1..=CUSTOMERS).map(|id| customer(&mut random, id)).collect();
        let orders = orders(&mut random, &customers);
        Self { customers, orders }
    }

    /// The shop as a database.
    pub(super) fn content(&self) -> Content {
        let products = (1..).zip(PRODUCTS).map(|(id, product)| {
            vec![
                Cell::Integer(id),
                Cell::Text(product.name.into()),
                Cell::Text(product.category.into()),
                Cell::Cents(product.cents),
            ]
        });
        let items =
            self.orders.iter().flat_map(|order| order.items.iter().map(|item| (order.id, item)));
        let items = (1..).zip(items).map(|(id, (order, item))| item.row(id, order));
        let table = |name, rows| Table { name, rows };
        Content {
            schema: SCHEMA,
            tables: vec![
                table("customers", self.customers.iter().map(Customer::row).collect()),
                table("products", products.collect()),
                table("orders", self.orders.iter().map(Order::row).collect()),
                table("order_items", items.collect()),
            ],
        }
    }
}

impl Customer {
    fn row(&self) -> Vec<Cell> {
        let person = &self.person;
        let text = |text: &str| Cell::Text(text.to_string());
        vec![
            Cell::Integer(self.id),
            text(&person.name),
            text(&person.email),
            text(&person.phone),
            text(&person.tax_id),
            Cell::Text(self.born.to_string()),
            text(person.city),
            text(person.region),
            stored(self.since),
        ]
    }
}

impl Order {
    fn total(&self) -> i64 {
        self.items.iter().map(|item| item.quantity * item.cents).sum()
    }

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Integer(self.id),
            Cell::Integer(self.customer_id),
            stored(self.at),
            Cell::Text(self.status.into()),
            Cell::Cents(self.total()),
        ]
    }
}

impl Item {
    fn row(&self, id: i64, order: i64) -> Vec<Cell> {
        let product = i64::try_from(self.product).unwrap_or(i64::MAX);
        vec![
            Cell::Integer(id),
            Cell::Integer(order),
            Cell::Integer(product + 1),
            Cell::Integer(self.quantity),
            Cell::Cents(self.cents),
        ]
    }
}

fn customer(random: &mut Random, id: i64) -> Customer {
    let person = people::person(random, id);
    let age = random.between(18, 50) + random.below(30);
    let days = Days::new(u64::try_from(age * 365 + random.below(365)).unwrap_or(0));
    let born = today().date().checked_sub_days(days).unwrap_or_default();
    let since = moment(random, at(2022, 1, 1), at(2026, 9, 1));
    Customer { id, person, born, since }
}

/// The orders, numbered as they came in.
fn orders(random: &mut Random, customers: &[Customer]) -> Vec<Order> {
    let mut orders: Vec<Order> = (0..ORDERS)
        .map(|_| {
            // A square of a number below one leans towards the regulars.
            let regular = random.index(customers.len()) * random.index(customers.len());
            let customer = &customers[regular / customers.len()];
            let at = moment(random, customer.since.max(at(2024, 1, 1)), today());
            let status = status(random, (today() - at).num_days());
            Order { id: 0, customer_id: customer.id, at, status, items: items(random) }
        })
        .collect();
    orders.sort_by_key(|order| (order.at, order.customer_id));
    for (id, order) in (1..).zip(&mut orders) {
        order.id = id;
    }
    orders
}

fn status(random: &mut Random, days: i64) -> &'static str {
    if random.chance(5) {
        return "cancelled";
    }
    match days {
        ..3 => "processing",
        3..8 => "shipped",
        _ if random.chance(4) => "returned",
        _ => "delivered",
    }
}

fn items(random: &mut Random) -> Vec<Item> {
    let lines = random.weighted(&[(24, 1), (32, 2), (24, 3), (13, 4), (7, 5)]);
    let mut items: Vec<Item> = Vec::new();
    while items.len() < lines {
        let product = random.index(PRODUCTS.len());
        if items.iter().any(|item| item.product == product) {
            continue;
        }
        let quantity = random.weighted(&[(70, 1), (20, 2), (7, 3), (3, 6)]);
        let listed = PRODUCTS[product].cents;
        let cents = if random.chance(12) { listed * 9 / 10 } else { listed };
        items.push(Item { product, quantity, cents });
    }
    items
}
