//! What can be made of a kept result, by URI: a file, a picture, a page with the picture.
//!
//! A URI holds the result's handle, which opens nothing to anybody but its owner, for as long as the result
//! is kept.

use super::uri::{decode, encode};
use crate::results::{ChartKind, ChartSpec, FileFormat};

const RESULT: &str = "celosia-result://";
const CHART: &str = "ui://celosia/chart/";

/// The page that shows whatever chart its host gives it.
pub(super) const VIEW: &str = "ui://celosia/chart";
/// The template of a file's URI.
pub(super) const FILE_TEMPLATE: &str = "celosia-result://{handle}/rows.{format}";

/// Something made of a kept result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Artifact {
    /// The rows as a file.
    File { handle: String, format: FileFormat },
    /// A chart as a picture.
    Picture { handle: String, chart: ChartSpec },
    /// A page with that picture.
    Page { handle: String, chart: ChartSpec },
    /// The page that shows the chart of a tool's result.
    View,
}

impl Artifact {
    /// The artifact's URI.
    pub(super) fn uri(&self) -> String {
        let mut uri = String::new();
        match self {
            Artifact::File { handle, format } => {
                uri.push_str(RESULT);
                encode(&mut uri, handle);
                uri.push_str("/rows.");
                uri.push_str(format.name());
            }
            Artifact::Picture { handle, chart } => {
                uri.push_str(RESULT);
                push_chart(&mut uri, handle, chart);
                uri.push_str("/chart.svg");
            }
            Artifact::Page { handle, chart } => {
                uri.push_str(CHART);
                push_chart(&mut uri, handle, chart);
            }
            Artifact::View => uri.push_str(VIEW),
        }
        uri
    }

    /// What a URI names, if it has the form of one of ours.
    pub(super) fn parse(uri: &str) -> Option<Self> {
        if uri == VIEW {
            return Some(Artifact::View);
        }
        if let Some(rest) = uri.strip_prefix(CHART) {
            let (handle, chart) = parse_chart(rest)?;
            return Some(Artifact::Page { handle, chart });
        }
        let rest = uri.strip_prefix(RESULT)?;
        if let Some(rest) = rest.strip_suffix("/chart.svg") {
            let (handle, chart) = parse_chart(rest)?;
            return Some(Artifact::Picture { handle, chart });
        }
        let (handle, file) = rest.split_once('/')?;
        let format = FileFormat::named(file.strip_prefix("rows.")?)?;
        Some(Artifact::File { handle: decode(handle)?, format })
    }
}

fn push_chart(uri: &mut String, handle: &str, chart: &ChartSpec) {
    encode(uri, handle);
    for part in [chart.kind.name(), &chart.x] {
        uri.push('/');
        encode(uri, part);
    }
    for (at, column) in chart.y.iter().enumerate() {
        uri.push(if at == 0 { '/' } else { ',' });
        encode(uri, column);
    }
}

fn parse_chart(rest: &str) -> Option<(String, ChartSpec)> {
    let mut parts = rest.split('/');
    let (handle, kind) = (decode(parts.next()?)?, ChartKind::named(parts.next()?)?);
    let x = decode(parts.next()?)?;
    let y = parts.next()?.split(',').map(decode).collect::<Option<Vec<_>>>()?;
    parts.next().is_none().then_some((handle, ChartSpec { kind, x, y }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_survives_the_round_trip() {
        let handle = "h_AbC-9_".to_string();
        let chart = ChartSpec {
            kind: ChartKind::Bar,
            x: "a/b, c?".into(),
            y: vec!["sum(total)".into(), "n,m".into()],
        };
        for artifact in [
            Artifact::File { handle: handle.clone(), format: FileFormat::Arrow },
            Artifact::Picture { handle: handle.clone(), chart: chart.clone() },
            Artifact::Page { handle: handle.clone(), chart },
            Artifact::View,
        ] {
            let uri = artifact.uri();
            assert!(uri.is_ascii() && !uri.contains([' ', '?', '#']), "{uri}");
            assert_eq!(Artifact::parse(&uri), Some(artifact), "{uri}");
        }
        let file = Artifact::File { handle: "h".into(), format: FileFormat::Csv };
        assert_eq!(file.uri(), "celosia-result://h/rows.csv");
    }

    #[test]
    fn other_forms_name_nothing() {
        for uri in [
            "",
            "celosia-result://",
            "celosia-result:///rows.csv",
            "celosia-result://h",
            "celosia-result://h/rows.xlsx",
            "celosia-result://h/rows.csv/x",
            "celosia-result://h/rows.csv?x",
            "celosia-result://h/bar/x/chart.svg",
            "celosia-result://h/pie/x/y/chart.svg",
            "celosia-result://h/bar/x/y,/chart.svg",
            "ui://celosia/chart/",
            "ui://celosia/chart/h/bar/x/y/z",
            "ui://celosia/charts",
            "ui://other/chart",
        ] {
            assert_eq!(Artifact::parse(uri), None, "{uri}");
        }
    }
}
