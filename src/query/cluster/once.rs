//! No task of a statement is run twice.
//!
//! Where an executor is lost, Ballista 55.0 runs its tasks again beside others that still run, and rows have come
//! in twice so. Here a statement that was running when an executor was lost is given no more tasks and is
//! cancelled; its server begins it again, whole.

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::ExecutorHeartbeat;
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::task_manager::JobInfoCache;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The state of the executors, and which jobs have seen one go.
pub(super) struct Once {
    inner: Arc<dyn ClusterState>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Executors that were lost so far.
    losses: u64,
    /// The losses before each job that runs.
    before: HashMap<JobId, u64>,
}

impl Known {
    /// Whether a job began after the last loss.
    fn is_whole(&mut self, job: &JobId) -> bool {
        *self.before.entry(job.clone()).or_insert(self.losses) == self.losses
    }
}

impl Once {
    pub(super) fn new(inner: Arc<dyn ClusterState>) -> Self {
        Self { inner, known: Mutex::default() }
    }

    /// Jobs that get no more tasks.
    pub(super) fn broken(&self) -> Vec<JobId> {
        let known = self.known.lock();
        let broken = known.before.iter().filter(|(_, before)| **before != known.losses);
        broken.map(|(job, _)| job.clone()).collect()
    }
}

#[async_trait]
impl ClusterState for Once {
    async fn init(&self) -> Result<()> {
        self.inner.init().await
    }

    async fn bind_schedulable_tasks(
        &self,
        distribution: TaskDistributionPolicy,
        jobs: Arc<HashMap<JobId, JobInfoCache>>,
        executors: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        let whole: HashMap<_, _> = {
            let mut known = self.known.lock();
            known.before.retain(|job, _| jobs.contains_key(job));
            let whole = jobs.iter().filter(|(job, _)| known.is_whole(job));
            whole.map(|(job, info)| (job.clone(), info.clone())).collect()
        };
        self.inner.bind_schedulable_tasks(distribution, Arc::new(whole), executors).await
    }

    async fn unbind_tasks(&self, slots: Vec<ExecutorSlot>) -> Result<()> {
        self.inner.unbind_tasks(slots).await
    }

    async fn register_executor(
        &self,
        executor: ExecutorMetadata,
        data: ExecutorData,
    ) -> Result<()> {
        self.inner.register_executor(executor, data).await
    }

    async fn save_executor_metadata(&self, executor: ExecutorMetadata) -> Result<()> {
        self.inner.save_executor_metadata(executor).await
    }

    async fn get_executor_metadata(&self, executor: &str) -> Result<ExecutorMetadata> {
        self.inner.get_executor_metadata(executor).await
    }

    async fn registered_executor_metadata(&self) -> Vec<ExecutorMetadata> {
        self.inner.registered_executor_metadata().await
    }

    async fn save_executor_heartbeat(&self, heartbeat: ExecutorHeartbeat) -> Result<()> {
        self.inner.save_executor_heartbeat(heartbeat).await
    }

    async fn remove_executor(&self, executor: &str) -> Result<()> {
        // Before its tasks are made to run again.
        self.known.lock().losses += 1;
        self.inner.remove_executor(executor).await
    }

    fn executor_heartbeats(&self) -> HashMap<String, ExecutorHeartbeat> {
        self.inner.executor_heartbeats()
    }

    fn get_executor_heartbeat(&self, executor: &str) -> Option<ExecutorHeartbeat> {
        self.inner.get_executor_heartbeat(executor)
    }

    async fn cluster_state_events(&self) -> Result<ClusterStateEventStream> {
        self.inner.cluster_state_events().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_saw_an_executor_go_is_whole_no_more() {
        let mut known = Known::default();
        let (old, new): (JobId, JobId) = ("old".to_string().into(), "new".to_string().into());
        assert!(known.is_whole(&old) && known.is_whole(&old));
        known.losses += 1;
        assert!(!known.is_whole(&old) && known.is_whole(&new));
        known.losses += 1;
        assert!(!known.is_whole(&old) && !known.is_whole(&new));
    }
}
