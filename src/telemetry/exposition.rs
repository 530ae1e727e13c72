//! Everything that is counted or looked at, as the text that Prometheus reads.

use super::metrics::metrics;
use super::process::Process;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;

/// The labels and the number of one series.
pub type Series = (Vec<(&'static str, String)>, f64);

/// A state that is looked at when somebody asks for it.
#[derive(Debug)]
pub struct Reading {
    /// The name, after `celosia_`.
    pub name: &'static str,
    /// What it means, without a full stop.
    pub help: &'static str,
    /// Its series; none leaves it out.
    pub series: Vec<Series>,
}

impl Reading {
    /// A reading of one number.
    pub fn of(name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, help, series: vec![(Vec::new(), value)] }
    }
}

/// All numbers of this process.
#[derive(Debug)]
pub struct Exposition {
    registry: Registry,
}

impl Exposition {
    /// What is counted in this process, and what `look` finds when somebody asks.
    pub fn new(look: impl Fn() -> Vec<Reading> + Send + Sync + 'static) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process::new()));
        let own = registry.sub_registry_with_prefix("celosia");
        metrics().register(own);
        own.register_collector(Box::new(Readings(Box::new(look))));
        Self { registry }
    }

    /// The media type of [`Self::text`].
    pub const MEDIA_TYPE: &'static str = prometheus_text::CONTENT_TYPE;

    /// Every number as of now.
    ///
    /// # Errors
    /// A number cannot be written.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

struct Readings(Box<dyn Fn() -> Vec<Reading> + Send + Sync>);

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readings(..)")
    }
}

impl Collector for Readings {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let built = vec![("version", env!("CARGO_PKG_VERSION").to_string())];
        let fixed = [
            Reading { name: "build_info", help: "What runs", series: vec![(built, 1.0)] },
            Reading::of(
                "denied_by_one_caller",
                "Most denials of one caller within the last minutes",
                f64::from(metrics().denied.greatest()),
            ),
            Reading::of(
                "guessed_by_one_caller",
                "Most names, tools and handles of one caller that are not there or not for them, within the last minutes",
                f64::from(metrics().guesses.greatest()),
            ),
        ];
        for reading in (self.0)().into_iter().chain(fixed) {
            if reading.series.is_empty() {
                continue;
            }
            let Reading { name, help, series } = reading;
            let mut gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (labels, value) in series {
                if labels.is_empty() {
                    gauge.encode_gauge(&value)?;
                } else {
                    gauge.encode_family(&labels)?.encode_gauge(&value)?;
                }
            }
        }
        Ok(())
    }
}
