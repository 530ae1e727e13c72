//! From a checked statement to a governed plan: names resolve to governed tables only, functions to
//! the allow-list only, and every rule of the optimizer runs under the statement's deadline.

use super::arithmetic::Arithmetic;
use super::average::ExactAggregates;
use super::concat::ConcatPlanner;
use super::cut::{Cut, Kept, cut};
use super::date_part::{DatePart, ExtractPlanner};
use super::disk::{self, Directory, JoinSorted, Shares};
use super::division::DivisionPlanner;
use super::frame::without_distances;
use super::functions::Functions;
use super::keys::SendKeys;
#[cfg(feature = "ballista")]
use super::leaf::Elsewhere;
use super::memory::{Holding, OwnShare};
use super::preaggregate::preaggregate;
#[cfg(feature = "ballista")]
use super::rules::engine_rules;
use super::rules::{Rules, physical_rules, simple_rules, supervised};
#[cfg(feature = "ballista")]
use super::sequential::Yielding;
use super::settle;
use arrow_schema::{DataType, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, Result, ScalarValue, TableReference, plan_err};
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::provider_as_source;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::execution::{SessionStateDefaults, TaskContext};
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, LogicalPlanBuilder, ScalarUDF,
    Statement as PlanStatement, TableSource, Volatility, WindowUDF,
};
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::optimizer::Optimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use sqlparser::ast::Statement as Ast;
use std::collections::HashMap;
use std::sync::Arc;

/// Rows of a batch inside the engine: bounds what a broadcast literal can cost.
const BATCH_ROWS: usize = 4_096;

/// Plans statements. Built once; holds no table and no caller.
#[derive(Debug)]
pub(super) struct Planner {
    state: SessionState,
    simple: SessionState,
    on_disk: SessionState,
    /// Where what does not fit into memory goes; it goes with the planner.
    directory: Option<Directory>,
    functions: Arc<Functions>,
    expr_planners: Vec<Arc<dyn ExprPlanner>>,
    arithmetic: Arithmetic,
}

/// The governed tables of one statement, by the name the statement uses; a kept result is one of them.
pub(super) type Tables = HashMap<TableReference, Arc<dyn TableProvider>>;

/// What a statement may name, as the SQL planner looks at it.
pub(super) type Sources = HashMap<TableReference, Arc<dyn TableSource>>;

impl Planner {
    /// A planner whose statements share `memory` bytes for sorts, joins and aggregates, and `disk` bytes for what
    /// does not fit.
    pub(super) fn new(memory: usize, disk: u64) -> Result<Self> {
        let functions = Arc::new(Functions::allowed()?);
        let mut config = SessionConfig::new()
            .with_target_partitions(1)
            .with_batch_size(BATCH_ROWS)
            .with_collect_statistics(false)
            .with_information_schema(false)
            .set_bool("datafusion.sql_parser.parse_float_as_decimal", true)
            .set_bool("datafusion.sql_parser.map_string_types_to_utf8view", false)
            .set_str("datafusion.sql_parser.default_null_ordering", "nulls_max")
            .set_str("datafusion.execution.time_zone", "+00:00")
            // The two plans may differ in which column is known to have no NULL (DataFusion 55.2 fails
            // for a CASE below an outer join); the physical one is what the rows follow.
            .set_bool("datafusion.execution.skip_physical_aggregate_schema_check", true)
            // Its table of the best groups panics on doubles such as NaN (DataFusion 55.2).
            .set_bool("datafusion.optimizer.enable_topk_aggregation", false)
            // As a join, a scalar subquery can go to its source with what surrounds it.
            .set_bool("datafusion.optimizer.enable_physical_uncorrelated_scalar_subquery", false);
        config.options_mut().optimizer.max_passes = 3;
        let (directory, runtime) = disk::runtime(memory, disk)?;
        let mut expr_planners: Vec<Arc<dyn ExprPlanner>> =
            vec![Arc::new(DivisionPlanner::new()), Arc::new(ConcatPlanner::new())];
        if let Some(function) = functions.scalar.get(DatePart::NAME) {
            expr_planners.push(Arc::new(ExtractPlanner::new(function.clone())));
        }
        expr_planners.extend(SessionStateDefaults::default_expr_planners());
        let builder = |config: SessionConfig, rules: Rules| {
            SessionStateBuilder::new()
                .with_config(config)
                .with_runtime_env(runtime.clone())
                .with_optimizer_rules(supervised(rules))
                .with_expr_planners(expr_planners.clone())
                .with_scalar_functions(functions.scalar.values().cloned().collect())
                .with_aggregate_functions(functions.aggregate.values().cloned().collect())
                .with_window_functions(functions.window.values().cloned().collect())
        };
        let exact: Arc<dyn OptimizerRule + Send + Sync> = Arc::new(ExactAggregates::new());
        let rules = std::iter::once(exact).chain(Optimizer::new().rules).collect();
        let state = builder(config.clone(), rules)
            .with_physical_optimizer_rules(physical_rules(Arc::new(SendKeys)))
            .build();
        let mut merging = config.clone();
        Shares::of(runtime.memory_pool.clone()).tell(merging.options_mut());
        let on_disk = SessionStateBuilder::new_from_existing(state.clone())
            .with_config(merging)
            .with_physical_optimizer_rules(physical_rules(Arc::new(JoinSorted)))
            .build();
        config.options_mut().optimizer.max_passes = 1;
        let simple =
            builder(config, simple_rules()).with_physical_optimizer_rules(Vec::new()).build();
        let arithmetic = Arithmetic::new();
        Ok(Self { state, simple, on_disk, directory, functions, expr_planners, arithmetic })
    }

    /// The logical plan of a statement over `tables`.
    pub(super) fn logical(&self, ast: Ast, tables: &Tables) -> Result<LogicalPlan> {
        let source = |table: &Arc<dyn TableProvider>| provider_as_source(table.clone());
        let sources = tables.iter().map(|(name, table)| (name.clone(), source(table)));
        self.logical_over(ast, &sources.collect())
    }

    /// The same over bare schemas: such a plan has nothing to run on.
    pub(super) fn logical_over(&self, ast: Ast, sources: &Sources) -> Result<LogicalPlan> {
        let names = Names { planner: self, sources };
        let options = ParserOptions {
            parse_float_as_decimal: true,
            map_string_types_to_utf8view: false,
            default_null_ordering: self
                .state
                .config_options()
                .sql_parser
                .default_null_ordering
                .as_str()
                .into(),
            collect_spans: false,
            ..ParserOptions::default()
        };
        let casts = settle::written_casts(&ast);
        let plan = SqlToRel::new_with_options(&names, options).sql_statement_to_plan(ast)?;
        let plan = match plan {
            // The body of a template.
            LogicalPlan::Statement(PlanStatement::Prepare(prepare)) => {
                Arc::unwrap_or_clone(prepare.input)
            }
            plan => plan,
        };
        without_distances(settle::settled(plan, &self.arithmetic, &casts)?)
    }

    /// The plan with no more than `rows` rows.
    pub(super) fn capped(&self, plan: LogicalPlan, rows: usize) -> Result<LogicalPlan> {
        LogicalPlanBuilder::from(plan).limit(0, Some(rows))?.build()
    }

    /// A template's plan with these values for its parameters.
    pub(super) fn with_values(
        &self,
        plan: &LogicalPlan,
        values: &[ScalarValue],
    ) -> Result<LogicalPlan> {
        let values = values.iter().cloned().map(Into::into).collect();
        plan.clone().replace_params_with_values(&ParamValues::List(values))
    }

    /// The optimised plan. A statement that asks for the time gets one time, the present.
    pub(super) fn optimize(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        let state = self.state_for(plan);
        if !asks_the_time(plan)? {
            return state.optimize(plan);
        }
        let mut state = state.clone();
        state.mark_start_execution();
        state.optimize(plan)
    }

    /// What plans are made with that other processes run, in so many parts.
    #[cfg(feature = "ballista")]
    pub(super) fn spread(&self, partitions: usize) -> SessionState {
        let config = self
            .state
            .config()
            .clone()
            .with_target_partitions(partitions)
            .with_round_robin_repartition(false)
            // Such a join can go to files.
            .set_bool("datafusion.optimizer.prefer_hash_join", false)
            .set_bool("datafusion.optimizer.prefer_existing_union", true)
            .with_extension(Arc::new(Elsewhere));
        let mut rules = engine_rules();
        rules.push(Arc::new(Yielding));
        SessionStateBuilder::new_from_existing(self.state.clone())
            .with_config(config)
            .with_physical_optimizer_rules(rules)
            .build()
    }

    /// The physical plan of an optimised plan for other processes.
    #[cfg(feature = "ballista")]
    pub(super) async fn physical_by(
        &self,
        state: &SessionState,
        plan: &LogicalPlan,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Cut { plan, .. } = cut(&preaggregate(plan.clone())?)?;
        state.query_planner().create_physical_plan(&plan, state).await
    }

    /// The physical plan of an optimised plan, whose subtrees are cut off for their sources.
    pub(super) async fn physical(&self, plan: &LogicalPlan) -> Result<Planned> {
        let Cut { plan, kept } =
            if is_simple(plan) { cut(plan)? } else { cut(&preaggregate(plan.clone())?)? };
        let state = self.state_for(&plan);
        let physical = state.query_planner().create_physical_plan(&plan, state).await?;
        Ok(Planned { physical, kept })
    }

    /// Whether what does not fit into memory has another place.
    pub(super) fn has_disk(&self) -> bool {
        self.directory.is_some()
    }

    /// The physical plan of an optimised plan whose joins can go to files.
    pub(super) async fn physical_on_disk(
        &self,
        plan: &LogicalPlan,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Cut { plan, .. } = cut(&preaggregate(plan.clone())?)?;
        self.on_disk.query_planner().create_physical_plan(&plan, &self.on_disk).await
    }

    /// A plan without joins, aggregates and subqueries has nothing for most rules to do.
    fn state_for(&self, plan: &LogicalPlan) -> &SessionState {
        if is_simple(plan) { &self.simple } else { &self.state }
    }

    /// What a plan runs with; `extension` reaches its leaves, and memory is counted as that of `holding`.
    pub(super) fn task<T: Send + Sync + 'static>(
        &self,
        extension: Arc<T>,
        holding: Arc<Holding>,
    ) -> Arc<TaskContext> {
        task(&self.state, extension, holding, |pool| pool)
    }

    /// The same for a plan whose joins can go to files.
    pub(super) fn task_on_disk<T: Send + Sync + 'static>(
        &self,
        extension: Arc<T>,
        holding: Arc<Holding>,
    ) -> Arc<TaskContext> {
        task(&self.on_disk, extension, holding, |pool| Arc::new(Shares::of(pool)))
    }

    /// The functions a statement may call.
    pub(super) fn functions(&self) -> &Functions {
        &self.functions
    }
}

fn task<T: Send + Sync + 'static>(
    state: &SessionState,
    extension: Arc<T>,
    holding: Arc<Holding>,
    shared: impl FnOnce(Arc<dyn MemoryPool>) -> Arc<dyn MemoryPool>,
) -> Arc<TaskContext> {
    let mut runtime: RuntimeEnv = state.runtime_env().as_ref().clone();
    runtime.memory_pool = shared(Arc::new(OwnShare { pool: runtime.memory_pool, holding }));
    let none = HashMap::new;
    Arc::new(TaskContext::new(
        None,
        state.session_id().to_string(),
        state.config().clone().with_extension(extension),
        none(),
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        Arc::new(runtime),
    ))
}

/// A plan that can run.
#[derive(Debug)]
pub(super) struct Planned {
    /// The plan.
    pub(super) physical: Arc<dyn ExecutionPlan>,
    /// What stayed in the engine, and why.
    pub(super) kept: Vec<Kept>,
}

/// Whether a plan is one table (or none) with conditions, columns, an order and a limit.
pub(super) fn is_simple(plan: &LogicalPlan) -> bool {
    let node = matches!(
        plan,
        LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::TableScan(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::EmptyRelation(_)
    );
    node && !has_subquery(plan) && plan.inputs().into_iter().all(is_simple)
}

/// Whether a plan calls `now()` or one of its kind, which the optimizer makes a constant.
fn asks_the_time(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                found |= matches!(part, Expr::ScalarFunction(call)
                    if call.func.signature().volatility == Volatility::Stable);
                Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })
    })?;
    Ok(found)
}

fn has_subquery(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let walked = plan.apply_subqueries(|_| {
        found = true;
        Ok(TreeNodeRecursion::Stop)
    });
    found || walked.is_err()
}

/// What the SQL planner may look up: nothing but the statement's governed tables and allowed functions.
struct Names<'a> {
    planner: &'a Planner,
    sources: &'a Sources,
}

impl ContextProvider for Names<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        match self.sources.get(&name) {
            Some(source) => Ok(source.clone()),
            None => plan_err!("table '{name}' not found"),
        }
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planner.expr_planners
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        None
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.planner.functions.scalar.get(name).cloned()
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.planner.functions.higher_order.get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.planner.functions.aggregate.get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.planner.functions.window.get(name).cloned()
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.planner.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.planner.functions.scalar.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.planner.functions.aggregate.keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.planner.functions.window.keys().cloned().collect()
    }
}
