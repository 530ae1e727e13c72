//! What others see of an executor that has a transport key: its two ports, by TLS.
//!
//! Rows are served by TLS at once. The server that takes work makes its own socket (Ballista 55.0), so it gets the
//! same port at another loopback address, and what processes with the key say is passed on to it.

use super::client::MESSAGE;
use super::nodes::ExecutorNode;
use super::transport::{Transport, is_stranger, why};
use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::error::BallistaError;
use ballista_core::utils::{GrpcServerConfig, create_grpc_server};
use ballista_executor::ArrowFlightServerProvider;
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::shutdown::Shutdown;
use std::error::Error as StdError;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tonic::transport::Endpoint;

type Failure = Box<dyn StdError + Send + Sync>;

/// How long the scheduler is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked for.
const PACE: Duration = Duration::from_millis(500);
/// Where work is taken within the machine. Linux has all of 127.0.0.0/8.
const WITHIN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const WITHIN_TOO: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// An executor's ports, until this is dropped.
#[derive(Debug)]
pub(super) struct Front {
    /// Where Ballista's own server listens.
    pub(super) within: IpAddr,
    /// Where rows are fetched.
    rows: SocketAddr,
    transport: Arc<Transport>,
    passing: JoinHandle<()>,
}

impl Front {
    /// The ports of an executor, once its scheduler is there.
    ///
    /// # Errors
    /// The scheduler has another key or cannot be reached, or the port is taken.
    pub(super) async fn of(
        node: &ExecutorNode,
        transport: &Arc<Transport>,
    ) -> Result<Self, Failure> {
        reached(&node.scheduler, transport).await?;
        let outer = outer(node).await?;
        let within = if outer == IpAddr::V4(WITHIN) { WITHIN_TOO } else { WITHIN };
        let listener = TcpListener::bind((outer, node.control_port)).await?;
        let (passes, server) = (transport.clone(), SocketAddr::from((within, node.control_port)));
        Ok(Self {
            within: within.into(),
            rows: (node.bind, node.port).into(),
            transport: transport.clone(),
            passing: tokio::spawn(async move { passes.pass_on(listener, server).await }),
        })
    }

    /// Serves rows by TLS, in the place of Ballista's server.
    pub(super) fn rows(&self) -> Arc<ArrowFlightServerProvider> {
        let (transport, address) = (self.transport.clone(), self.rows);
        Arc::new(
            move |work: String, _: SocketAddr, mut ended: Shutdown, config: GrpcServerConfig| {
                let transport = transport.clone();
                tokio::spawn(async move {
                    let listener = TcpListener::bind(address).await?;
                    let rows = FlightServiceServer::new(BallistaFlightService::new(work))
                        .max_decoding_message_size(MESSAGE)
                        .max_encoding_message_size(MESSAGE);
                    create_grpc_server(&config)
                        .add_service(rows)
                        .serve_with_incoming_shutdown(transport.accept(listener), ended.recv())
                        .await
                        .map_err(BallistaError::TonicError)
                })
            },
        )
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.passing.abort();
    }
}

/// Waits for the scheduler.
async fn reached((host, port): &(String, u16), transport: &Transport) -> Result<(), Failure> {
    let scheduler = Endpoint::from_shared(format!("http://{host}:{port}"))?;
    let scheduler = transport.endpoint(&scheduler)?;
    let begun = Instant::now();
    while let Err(error) = scheduler.connect().await {
        if is_stranger(&error) || begun.elapsed() > PATIENCE {
            let told = why(&error);
            return Err(format!("the scheduler at {host}:{port} cannot be reached: {told}").into());
        }
        tokio::time::sleep(PACE).await;
    }
    Ok(())
}

/// The address at which this machine takes work. Beside one that stands for all, no other can have the same port, so
/// it is then the one by which the machine reaches the scheduler.
async fn outer(node: &ExecutorNode) -> Result<IpAddr, Failure> {
    if !node.bind.is_unspecified() {
        return Ok(node.bind);
    }
    let (host, port) = &node.scheduler;
    let scheduler = TcpStream::connect(format!("{host}:{port}")).await?;
    Ok(scheduler.local_addr()?.ip())
}
