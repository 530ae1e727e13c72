//! A kept result as a picture: bars, lines or points, as SVG. Every text in it is a text of others.

use super::encode::{Column, Form};
use super::store::StoredResult;
use super::text::legible;
use crate::error::{Code, Error, Result};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use plotters::coord::Shift;
use plotters::prelude::{
    BLACK, ChartBuilder, Circle, Color, DrawingArea, IntoDrawingArea, LineSeries, PathElement,
    RGBColor, Rectangle, SVGBackend, SeriesLabelPosition, WHITE,
};
use std::ops::Range;

/// Width and height, in pixels.
const SIZE: (u32, u32) = (840, 480);
/// Bars that can be told apart.
const MOST_BARS: usize = 60;
/// Points of lines and clouds together.
const MOST_POINTS: usize = 5_000;
/// Series that can be told apart, and their colours.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x1f, 0x5a, 0xa6),
    RGBColor(0xd9, 0x6b, 0x0b),
    RGBColor(0x2a, 0x7f, 0x4f),
    RGBColor(0x9b, 0x2c, 0x6b),
    RGBColor(0x5b, 0x5f, 0x66),
    RGBColor(0xb3, 0x8b, 0x00),
];
/// Letters of a label.
const LETTERS: usize = 28;

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartSpec {
    /// Bars, lines or points.
    pub kind: ChartKind,
    /// The column along the bottom.
    pub x: String,
    /// The columns of numbers, one series each.
    pub y: Vec<String>,
}

/// A kind of chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartKind {
    /// A bar for each row.
    Bar,
    /// A line through the rows in their order along the bottom.
    Line,
    /// A point for each row.
    Scatter,
}

impl ChartKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Bar, Self::Line, Self::Scatter];

    /// The kind's name.
    pub fn name(self) -> &'static str {
        match self {
            ChartKind::Bar => "bar",
            ChartKind::Line => "line",
            ChartKind::Scatter => "scatter",
        }
    }

    /// The kind of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// The picture, which refers to nothing outside itself.
    pub svg: String,
    /// Rows that it shows.
    pub rows: usize,
    /// Rows that it leaves out: too many, or without a place along the bottom.
    pub left_out: usize,
}

/// Draws a result.
///
/// # Errors
/// A column that is not there, is not a number, or numbers that have no common scale.
pub fn draw(result: &StoredResult, spec: &ChartSpec) -> Result<Drawing> {
    if spec.y.is_empty() || spec.y.len() > COLOURS.len() {
        return Err(refused(format!("a chart has 1 to {} columns \"y\"", COLOURS.len())));
    }
    let bottom = Bottom::read(result, spec)?;
    let most = if spec.kind == ChartKind::Bar { MOST_BARS } else { MOST_POINTS / spec.y.len() };
    let mut series = Vec::with_capacity(spec.y.len());
    for name in &spec.y {
        series.push(numbers(result, name)?);
    }
    let mut rows: Vec<usize> =
        (0..result.total_rows()).filter(|row| bottom.places[*row].is_some()).collect();
    rows.truncate(most);
    if rows.is_empty() {
        return Err(refused("there is no row to draw".to_string()));
    }
    let plot = Plot {
        kind: spec.kind,
        x: shown(&spec.x),
        names: spec.y.iter().map(|name| shown(name)).collect(),
        labels: bottom.labels,
        series: series.iter().map(|values| plotted(&bottom.places, values, &rows)).collect(),
    };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        plot.draw(&area)?;
    }
    Ok(Drawing { svg, rows: rows.len(), left_out: result.total_rows() - rows.len() })
}

/// Places and numbers of the rows that are drawn, in the order of their places.
fn plotted(places: &[Option<f64>], values: &[Option<f64>], rows: &[usize]) -> Vec<(f64, f64)> {
    let points = rows.iter().filter_map(|row| Some((places[*row]?, values[*row]?)));
    points.collect()
}

/// Where rows stand along the bottom.
struct Bottom {
    places: Vec<Option<f64>>,
    labels: Labels,
}

/// What is written along the bottom.
enum Labels {
    /// One text for each row.
    Texts(Vec<String>),
    /// The number itself.
    Numbers,
    /// Seconds since 1970.
    Times,
}

impl Bottom {
    fn read(result: &StoredResult, spec: &ChartSpec) -> Result<Self> {
        let at = index(result, &spec.x)?;
        let kind = result.batches.first().map(|batch| batch.column(at).data_type().clone());
        let time =
            matches!(kind, Some(DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _)));
        let number = kind.as_ref().is_some_and(DataType::is_numeric);
        let cells = cells(result, at)?;
        if spec.kind == ChartKind::Bar || !(time || number) {
            if spec.kind == ChartKind::Scatter {
                let message = format!("column {:?} is neither a number nor a time", shown(&spec.x));
                return Err(refused(message));
            }
            let places = (0..cells.len()).map(|row| Some(row as f64)).collect();
            let texts = cells.iter().map(|cell| cell.as_deref().map_or("NULL".into(), shown));
            return Ok(Self { places, labels: Labels::Texts(texts.collect()) });
        }
        let place = |cell: &Option<String>| {
            let cell = cell.as_deref()?;
            if time { seconds(cell) } else { finite(cell) }
        };
        let labels = if time { Labels::Times } else { Labels::Numbers };
        Ok(Self { places: cells.iter().map(place).collect(), labels })
    }
}

struct Plot {
    kind: ChartKind,
    x: String,
    names: Vec<String>,
    labels: Labels,
    series: Vec<Vec<(f64, f64)>>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

impl Plot {
    fn draw(&self, area: &Area<'_>) -> Result<()> {
        let all = || self.series.iter().flatten();
        let across = match self.kind {
            ChartKind::Bar => -0.6..all().map(|point| point.0).fold(0.0, f64::max) + 0.6,
            ChartKind::Line | ChartKind::Scatter => range(all().map(|point| point.0), false)?,
        };
        let up = range(all().map(|point| point.1), self.kind == ChartKind::Bar)?;
        self.paint(area, across, up).map_err(|error| {
            Error::internal("a chart cannot be drawn").with_source(error.to_string())
        })
    }

    fn paint(
        &self,
        area: &Area<'_>,
        across: Range<f64>,
        up: Range<f64>,
    ) -> std::result::Result<(), Box<dyn std::error::Error>> {
        area.fill(&WHITE)?;
        let span = across.end - across.start;
        let mut chart = ChartBuilder::on(area)
            .margin(14)
            .x_label_area_size(64)
            .y_label_area_size(88)
            .build_cartesian_2d(across, up)?;
        let titles = self.names.join(", ");
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .x_labels(if matches!(self.labels, Labels::Texts(_)) { 12 } else { 8 })
            .x_label_formatter(&|place| self.label(*place, span))
            .y_label_formatter(&|value| number(*value))
            .x_desc(self.x.as_str())
            .y_desc(cut(&titles, 2 * LETTERS))
            .draw()?;
        for (at, points) in self.series.iter().enumerate() {
            let colour = COLOURS[at];
            let drawn = match self.kind {
                ChartKind::Bar => {
                    let width = 0.8 / self.series.len() as f64;
                    let bars = points.iter().map(|(place, value)| {
                        let left = place - 0.4 + width * at as f64;
                        Rectangle::new([(left, 0.0), (left + width, *value)], colour.filled())
                    });
                    chart.draw_series(bars)?
                }
                ChartKind::Line => {
                    let mut points = points.clone();
                    points.sort_by(|a, b| a.0.total_cmp(&b.0));
                    chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?
                }
                ChartKind::Scatter => chart
                    .draw_series(points.iter().map(|at| Circle::new(*at, 3, colour.filled())))?,
            };
            if self.series.len() > 1 {
                drawn.label(self.names[at].clone()).legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3))
                });
            }
        }
        if self.series.len() > 1 {
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperRight)
                .background_style(WHITE.mix(0.85))
                .border_style(BLACK.mix(0.3))
                .draw()?;
        }
        area.present()?;
        Ok(())
    }

    /// What is written at a place along the bottom.
    fn label(&self, place: f64, span: f64) -> String {
        match &self.labels {
            Labels::Numbers => number(place),
            Labels::Times => {
                const DAYS: f64 = 3.0 * 86_400.0;
                let form = if span > DAYS { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" };
                let moment = DateTime::<Utc>::from_timestamp(place as i64, 0);
                moment.map(|moment| moment.format(form).to_string()).unwrap_or_default()
            }
            Labels::Texts(texts) => {
                let whole = (place - place.round()).abs() < 0.05 && place > -0.5;
                let row = place.round().max(0.0) as usize;
                texts.get(row).filter(|_| whole).cloned().unwrap_or_default()
            }
        }
    }
}

/// The numbers of a column, row by row.
fn numbers(result: &StoredResult, name: &str) -> Result<Vec<Option<f64>>> {
    let at = index(result, name)?;
    let data_type = result.batches.first().map(|batch| batch.column(at).data_type().clone());
    if data_type.is_some_and(|data_type| !data_type.is_numeric()) {
        return Err(refused(format!("column {:?} is not a number", shown(name))));
    }
    Ok(cells(result, at)?.iter().map(|cell| finite(cell.as_deref()?)).collect())
}

/// The cells of a column as their texts.
fn cells(result: &StoredResult, at: usize) -> Result<Vec<Option<String>>> {
    let mut cells = Vec::with_capacity(result.total_rows());
    for batch in &result.batches {
        let column = Column::of(batch.column(at), &result.columns[at].name)?;
        cells.extend((0..RecordBatch::num_rows(batch)).map(|row| {
            let mut text = String::new();
            match column.form(row, &mut text) {
                Form::Null => None,
                Form::Text(value) => Some(value.to_string()),
                Form::Nested(json) => Some(json.to_string()),
                Form::Boolean(_) | Form::Number(_) | Form::Digits => Some(text),
            }
        }));
    }
    Ok(cells)
}

fn index(result: &StoredResult, name: &str) -> Result<usize> {
    let names = result.distinct_names();
    let exact = names.iter().position(|column| column == name);
    exact.or_else(|| names.iter().position(|column| column.eq_ignore_ascii_case(name))).ok_or_else(
        || {
            let known: Vec<String> = names.iter().map(|name| shown(name)).collect();
            refused(format!("the result has no column {:?}", shown(name)))
                .with_hint(format!("its columns: {}", known.join(", ")))
        },
    )
}

/// Least and greatest with some room; bars begin at zero.
fn range(values: impl Iterator<Item = f64>, zero: bool) -> Result<Range<f64>> {
    let start = if zero { (0.0, 0.0) } else { (f64::INFINITY, f64::NEG_INFINITY) };
    let (least, most) = values.fold(start, |(a, b), value| (a.min(value), b.max(value)));
    if least > most {
        return Err(refused("there is no number to draw".to_string()));
    }
    const WIDEST: f64 = 1e200;
    if least < -WIDEST || most > WIDEST {
        return Err(refused("the numbers are too large to draw".to_string()));
    }
    // A scale with steps smaller than the digits of a double never ends.
    let size = least.abs().max(most.abs());
    let span = (most - least).max(size * 1e-6).max(1e-200);
    let span = if most == least && size == 0.0 { 1.0 } else { span };
    let room = span * 0.05;
    let low = if zero && least == 0.0 { 0.0 } else { least - room };
    Ok(low..(least + span).max(most) + room)
}

fn finite(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|value: &f64| value.is_finite())
}

fn seconds(cell: &str) -> Option<f64> {
    let cell = cell.trim_end_matches('Z');
    let moment = match NaiveDateTime::parse_from_str(cell, "%Y-%m-%dT%H:%M:%S%.f") {
        Ok(moment) => moment,
        Err(_) => NaiveDate::parse_from_str(cell, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?,
    };
    Some(moment.and_utc().timestamp() as f64)
}

/// A number on a scale, short.
fn number(value: f64) -> String {
    let size = value.abs();
    for (unit, letter) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if size >= unit && size < 1e15 {
            return format!("{}{letter}", rounded(value / unit));
        }
    }
    if size != 0.0 && !(1e-4..1e15).contains(&size) {
        return format!("{value:.2e}");
    }
    rounded(value)
}

fn rounded(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_string() } else { text.to_string() }
}

/// A text of others in the picture: on one line, everything unseen visible, and short.
fn shown(text: &str) -> String {
    let text: String = legible(text)
        .chars()
        .map(|c| if matches!(c, '\u{fffe}' | '\u{ffff}') { '?' } else { c })
        .collect();
    cut(&text, LETTERS)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}

fn refused(message: String) -> Error {
    Error::new(Code::InvalidArgument, message)
}

#[cfg(test)]
mod tests;
