//! What the standard variables of OpenTelemetry say.

use super::context::Sampler;
use std::path::PathBuf;

/// Where telemetry goes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::telemetry) struct Settings {
    /// Where spans go, if they do.
    pub(super) traces: Option<String>,
    /// Where log lines go, if they do.
    pub(super) logs: Option<String>,
    /// What goes with each request.
    pub(super) headers: Vec<(String, String)>,
    /// The only authorities to trust.
    pub(super) certificate: Option<PathBuf>,
    /// What describes this process.
    pub(super) resource: Vec<(String, String)>,
    /// Which traces are exported.
    pub(super) sampler: Sampler,
    /// Whether spans hold the statements that sources are sent.
    pub(super) statements: bool,
}

impl Settings {
    /// Whether spans are exported.
    pub(in crate::telemetry) fn exports_traces(&self) -> bool {
        self.traces.is_some()
    }

    /// Whether spans hold the statements that sources are sent.
    pub(in crate::telemetry) fn shows_statements(&self) -> bool {
        self.statements
    }

    /// The settings of an environment; `None` where nothing is exported.
    ///
    /// # Errors
    /// A variable that cannot be followed: its name, and why.
    pub(in crate::telemetry) fn of(
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        // An empty variable counts as none.
        let get = |name: &str| environment(name).filter(|text| !text.trim().is_empty());
        if get("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let url = |signal: &str, path: &str| {
            let exporter = get(&format!("OTEL_{signal}_EXPORTER"));
            if exporter.is_some_and(|exporter| exporter == "none") {
                return None;
            }
            let base = || {
                let base = get("OTEL_EXPORTER_OTLP_ENDPOINT")?;
                Some(format!("{}/v1/{path}", base.trim_end_matches('/')))
            };
            get(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")).or_else(base)
        };
        let (traces, logs) = (url("TRACES", "traces"), url("LOGS", "logs"));
        if traces.is_none() && logs.is_none() {
            return Ok(None);
        }
        if get("OTEL_EXPORTER_OTLP_PROTOCOL").is_some_and(|protocol| protocol == "grpc") {
            return Err("OTEL_EXPORTER_OTLP_PROTOCOL: grpc is not spoken; give the address of OTLP over HTTP".into());
        }
        for url in traces.iter().chain(&logs) {
            if !url.starts_with("http://") && !url.starts_with("https://") {
                return Err(
                    "OTEL_EXPORTER_OTLP_ENDPOINT: write a URL such as http://127.0.0.1:4318".into(),
                );
            }
        }
        let sampler = sampler(
            get("OTEL_TRACES_SAMPLER").as_deref(),
            get("OTEL_TRACES_SAMPLER_ARG").as_deref(),
        )?;
        let mut resource =
            pairs(get("OTEL_RESOURCE_ATTRIBUTES").as_deref(), "OTEL_RESOURCE_ATTRIBUTES")?;
        let named = resource.iter().any(|(name, _)| name == "service.name");
        let name = get("OTEL_SERVICE_NAME").or_else(|| (!named).then(|| "celosia".to_string()));
        if let Some(name) = name {
            resource.retain(|(other, _)| other != "service.name");
            resource.push(("service.name".into(), name));
        }
        resource.push(("service.version".into(), env!("CARGO_PKG_VERSION").into()));
        Ok(Some(Self {
            traces,
            logs,
            headers: pairs(
                get("OTEL_EXPORTER_OTLP_HEADERS").as_deref(),
                "OTEL_EXPORTER_OTLP_HEADERS",
            )?,
            certificate: get("OTEL_EXPORTER_OTLP_CERTIFICATE").map(PathBuf::from),
            resource,
            sampler,
            statements: get("CELOSIA_TRACE_STATEMENTS").is_some_and(|text| text == "on"),
        }))
    }
}

fn sampler(name: Option<&str>, share: Option<&str>) -> Result<Sampler, String> {
    let wrong = || "OTEL_TRACES_SAMPLER_ARG: write a number from 0 to 1".to_string();
    let share = match share {
        None => 1.0,
        Some(text) => text.trim().parse().map_err(|_| wrong())?,
    };
    if !(0.0..=1.0).contains(&share) {
        return Err(wrong());
    }
    Ok(match name {
        None | Some("parentbased_always_on") => Sampler { follows_parent: true, share: 1.0 },
        Some("parentbased_always_off") => Sampler { follows_parent: true, share: 0.0 },
        Some("parentbased_traceidratio") => Sampler { follows_parent: true, share },
        Some("always_on") => Sampler { follows_parent: false, share: 1.0 },
        Some("always_off") => Sampler { follows_parent: false, share: 0.0 },
        Some("traceidratio") => Sampler { follows_parent: false, share },
        Some(_) => return Err("OTEL_TRACES_SAMPLER: there is no such sampler".into()),
    })
}

/// `name=value,name=value`, with per cent signs for what may not stand there. An error names no value.
fn pairs(text: Option<&str>, variable: &str) -> Result<Vec<(String, String)>, String> {
    let wrong = || format!("{variable}: write name=value,name=value");
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        let value = decoded(value.trim()).ok_or_else(wrong)?;
        Ok((name.trim().to_string(), value))
    };
    text.unwrap_or_default().split(',').filter(|part| !part.trim().is_empty()).map(pair).collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Option<Settings>, String> {
        Settings::of(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.to_string())
        })
    }

    #[test]
    fn nothing_is_exported_unless_somebody_says_where_to() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), Ok(None));
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/");
        assert_eq!(of(&[endpoint, ("OTEL_SDK_DISABLED", "true")]), Ok(None));
        let settings = of(&[endpoint, ("OTEL_LOGS_EXPORTER", "none")]).unwrap().unwrap();
        assert_eq!(settings.traces.as_deref(), Some("http://c:4318/v1/traces"));
        assert_eq!(settings.logs, None);
        assert!(!settings.statements);
        let logs = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://l/x");
        let settings = of(&[logs]).unwrap().unwrap();
        assert_eq!((settings.traces, settings.logs.as_deref()), (None, Some("https://l/x")));
    }

    #[test]
    fn headers_attributes_and_samplers_are_read() {
        let settings = of(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x, tenant = a"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=trial,service.name=other"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ]);
        let settings = settings.unwrap().unwrap();
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        assert_eq!(settings.headers, [pair("authorization", "Bearer x"), pair("tenant", "a")]);
        assert_eq!(settings.resource[1], pair("service.name", "other"));
        assert_eq!(settings.sampler, Sampler { follows_parent: true, share: 0.25 });
    }

    #[test]
    fn what_cannot_be_followed_is_said_without_values() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
        for wrong in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=%zz"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "c:4318"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ] {
            let said = of(&[endpoint, wrong]).unwrap_err();
            assert!(said.starts_with("OTEL_") && !said.contains("hunter2"), "{said}");
        }
    }
}
