//! The two other processes: a scheduler and an executor, each a small server of its own.

use super::super::functions::Functions;
use super::client::MESSAGE;
use super::front::Front;
use super::once::Once;
use super::scan::Codec;
use super::stage::Stages;
use super::transport::Transport;
use super::worker::Worker;
use ballista_core::RuntimeProducer;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::extension::SessionConfigExt;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::serde::BallistaLogicalExtensionCodec;
use ballista_core::serde::protobuf::executor_status::Status;
use ballista_core::serde::protobuf::scheduler_grpc_server::{SchedulerGrpc, SchedulerGrpcServer};
use ballista_core::serde::protobuf::{CancelJobParams, UpdateTaskStatusParams};
use ballista_core::utils::{GrpcServerConfig, create_grpc_server};
use ballista_executor::execution_engine::DefaultExecutionEngine;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::{BallistaCluster, ClusterState};
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use ballista_scheduler::scheduler_server::SchedulerServer;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use std::error::Error as StdError;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::Request;

type Failure = Box<dyn StdError + Send + Sync>;
type Scheduler = SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;

/// How often an executor says that it lives, and after how long a silent one is given up; in seconds.
const HEARTBEAT: u64 = 1;
const SILENCE: u64 = 6;
/// How often the scheduler is reminded of who waits.
const REMINDER: Duration = Duration::from_millis(200);
/// How long what a job left behind is kept, should nobody take it away; in seconds.
const LEFT_BEHIND: u64 = 600;

/// Serves as the scheduler at `listener`, which others reach as `name`, until this is dropped: with a `transport` to
/// processes that have its key, without one to whoever comes.
///
/// # Errors
/// The engine's own.
pub async fn schedule(
    listener: TcpListener,
    name: &str,
    transport: Option<Arc<Transport>>,
) -> Result<(), Failure> {
    let config = Arc::new(SchedulerConfig {
        external_host: name.to_string(),
        bind_port: listener.local_addr()?.port(),
        scheduling_policy: TaskSchedulingPolicy::PushStaged,
        finished_job_data_clean_up_interval_seconds: LEFT_BEHIND,
        finished_job_state_clean_up_interval_seconds: LEFT_BEHIND,
        executor_timeout_seconds: SILENCE,
        expire_dead_executor_interval_seconds: HEARTBEAT,
        no_executors_grace_period_seconds: SILENCE,
        grpc_client_max_message_size: MESSAGE as u32,
        grpc_server_max_decoding_message_size: MESSAGE as u32,
        grpc_server_max_encoding_message_size: MESSAGE as u32,
        override_physical_codec: Some(Arc::new(Codec::default())),
        override_config_producer: Some(Arc::new(SessionConfig::new_with_ballista)),
        override_session_builder: Some(Arc::new(session)),
        override_create_grpc_client_endpoint: transport.as_ref().map(Transport::control),
        ..SchedulerConfig::default()
    });
    let usual = BallistaCluster::new_from_config(&config).await?;
    let executors = Arc::new(Once::new(usual.cluster_state()));
    let cluster = BallistaCluster::new(executors.clone(), usual.job_state());
    let scheduler = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, config).await?;
    tokio::select! {
        served = served(listener, scheduler.clone(), transport) => served,
        () = reminded(scheduler, executors) => Ok(()),
    }
}

async fn served(
    listener: TcpListener,
    scheduler: Scheduler,
    transport: Option<Arc<Transport>>,
) -> Result<(), Failure> {
    let Some(transport) = transport else {
        return Ok(start_grpc_service_with_listener(listener, scheduler).await?);
    };
    let server = SchedulerGrpcServer::new(scheduler)
        .max_decoding_message_size(MESSAGE)
        .max_encoding_message_size(MESSAGE);
    let known = transport.accept(listener);
    let server = create_grpc_server(&GrpcServerConfig::default()).add_service(server);
    Ok(server.serve_with_incoming(known).await?)
}

/// Makes the scheduler look for places now and then: it gives back the places of a job that failed or was
/// cancelled, and does not look who waits for them (Ballista 55.0). Cancels jobs that get no more tasks.
async fn reminded(scheduler: Scheduler, executors: Arc<Once>) {
    let mut pace = tokio::time::interval(REMINDER);
    loop {
        pace.tick().await;
        for job in executors.broken() {
            tracing::warn!(%job, "an executor was lost: a job is cancelled");
            let job = CancelJobParams { job_id: job.into() };
            if let Err(status) = SchedulerGrpc::cancel_job(&scheduler, Request::new(job)).await {
                tracing::warn!(%status, "a job cannot be cancelled");
            }
        }
        // News of an executor, although there are none, is what it looks at.
        let mut alive = executors.executor_heartbeats().into_iter().filter(|(_, last)| {
            let status = last.status.as_ref().and_then(|status| status.status.as_ref());
            matches!(status, Some(Status::Active(_)))
        });
        let Some((executor_id, _)) = alive.next() else { continue };
        let nothing = UpdateTaskStatusParams { executor_id, task_status: Vec::new() };
        let told = SchedulerGrpc::update_task_status(&scheduler, Request::new(nothing)).await;
        if let Err(status) = told {
            tracing::debug!(%status, "the scheduler is not reminded");
        }
    }
}

/// What a scheduler plans with: our functions by name, nothing to run.
fn session(config: SessionConfig) -> datafusion::common::Result<SessionState> {
    let functions = registry()?;
    Ok(SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_scalar_functions(functions.scalar_functions.into_values().collect())
        .with_aggregate_functions(functions.aggregate_functions.into_values().collect())
        .with_window_functions(functions.window_functions.into_values().collect())
        .build())
}

/// The engine's functions, and ours in the place of those that have their names.
fn registry() -> datafusion::common::Result<BallistaFunctionRegistry> {
    let mut registry = BallistaFunctionRegistry::default();
    let Functions { scalar, aggregate, window, .. } = Functions::allowed()?;
    for function in scalar.into_values().chain(Functions::unnamed()) {
        registry.scalar_functions.insert(function.name().to_string(), function);
    }
    for function in aggregate.into_values().chain(Functions::unnamed_aggregates()) {
        registry.aggregate_functions.insert(function.name().to_string(), function);
    }
    for function in window.into_values() {
        registry.window_functions.insert(function.name().to_string(), function);
    }
    Ok(registry)
}

/// Where an executor is, and what it may take.
#[derive(Debug, Clone)]
pub struct ExecutorNode {
    /// The address it listens on.
    pub bind: IpAddr,
    /// The name under which others reach it.
    pub name: String,
    /// Where rows between stages are fetched.
    pub port: u16,
    /// Where the scheduler hands out work.
    pub control_port: u16,
    /// The scheduler's name and port.
    pub scheduler: (String, u16),
    /// Tasks at a time.
    pub cores: usize,
    /// Bytes for sorts, joins and aggregates, which its tasks share; more of them go to files.
    pub memory: usize,
    /// The directory in which it makes its own.
    pub work: PathBuf,
    /// With it, it speaks to processes that have the same key; without it, to whoever comes.
    pub transport: Option<Arc<Transport>>,
}

/// Serves as an executor until the process is told to stop.
///
/// # Errors
/// The scheduler cannot be reached within a minute or has another key, an address is taken, or the directory cannot
/// be made.
pub async fn execute(worker: Arc<Worker>, node: ExecutorNode) -> Result<(), Failure> {
    let transport = node.transport.clone();
    let front = match &transport {
        Some(transport) => Some(Front::of(&node, transport).await?),
        None => None,
    };
    let work = Work::new(&node.work, node.port)?;
    let directory = work.0.clone();
    let runtime: RuntimeProducer = Arc::new(move |_| {
        RuntimeEnvBuilder::new().with_temp_file_path(directory.clone()).build_arc()
    });
    let rows = transport.as_ref().map(Transport::rows);
    let config = ExecutorProcessConfig {
        bind_host: front.as_ref().map_or(node.bind, |front| front.within).to_string(),
        external_host: Some(node.name.clone()),
        port: node.port,
        grpc_port: node.control_port,
        scheduler_host: node.scheduler.0.clone(),
        scheduler_port: node.scheduler.1,
        scheduler_connect_timeout_seconds: 60,
        vcores: node.cores,
        task_scheduling_policy: TaskSchedulingPolicy::PushStaged,
        work_dir: Some(work.0.display().to_string()),
        job_data_ttl_seconds: LEFT_BEHIND,
        job_data_clean_up_interval_seconds: LEFT_BEHIND / 10,
        grpc_max_decoding_message_size: MESSAGE as u32,
        grpc_max_encoding_message_size: MESSAGE as u32,
        executor_heartbeat_interval_seconds: HEARTBEAT,
        memory_pool_size: Some(node.memory as u64),
        override_execution_engine: Some(Arc::new(Stages(DefaultExecutionEngine::new()))),
        override_function_registry: Some(Arc::new(registry()?)),
        override_runtime_producer: Some(runtime),
        override_config_producer: Some(Arc::new(move || {
            let mut config = SessionConfig::new_with_ballista();
            config.set_extension(worker.clone());
            match &rows {
                Some(rows) => {
                    config.with_ballista_override_create_grpc_client_endpoint(rows.clone())
                }
                None => config,
            }
        })),
        override_create_grpc_client_endpoint: transport.as_ref().map(Transport::control),
        override_arrow_flight_service: front.as_ref().map(Front::rows),
        override_logical_codec: Some(Arc::new(BallistaLogicalExtensionCodec::default())),
        override_physical_codec: Some(Arc::new(Codec::default())),
        ..ExecutorProcessConfig::default()
    };
    start_executor_process(Arc::new(config)).await?;
    drop((work, front));
    Ok(())
}

/// An executor's directory: its owner's alone, empty at the start, gone at the end.
struct Work(PathBuf);

impl Work {
    fn new(parent: &Path, port: u16) -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let work = parent.join(format!("celosia-executor-{port}"));
        match std::fs::remove_dir_all(&work) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(parent)?;
        std::fs::DirBuilder::new().mode(0o700).create(&work)?;
        Ok(Self(work))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "what an executor wrote cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executors_directory_is_private_begins_empty_and_ends() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let left = parent.path().join("celosia-executor-7/job/1");
        std::fs::create_dir_all(&left).unwrap();
        let work = Work::new(parent.path(), 7).unwrap();
        assert!(!left.exists());
        let mode = std::fs::metadata(&work.0).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(work);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn every_function_of_a_plan_is_found_by_its_name() {
        let registry = registry().unwrap();
        for name in ["checked_plus", "checked_divisor", "text_concat", "round", "to_char"] {
            assert!(registry.scalar_functions.contains_key(name), "{name}");
        }
        for name in ["only_row", "only_value", "sum", "stddev"] {
            assert!(registry.aggregate_functions.contains_key(name), "{name}");
        }
    }
}
