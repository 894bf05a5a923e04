//! Results as one page that needs nothing else: no scripts, no fonts, no addresses. It can be mailed.
//!
//! Each figure has its latest value, what it must reach as a mark on a bar, and how it went over the measurements (a line with
//! a dot for each). What the machine was stands at the top: a number without it is not a number.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use crate::report::number;

/// One file of results: what was measured on, and the figures.
struct Measurement {
    about: Value,
    figures: Vec<Value>,
}

/// One figure over all measurements, oldest first.
#[derive(Default)]
struct Series {
    unit: String,
    target: String,
    verdict: String,
    values: Vec<(String, f64)>,
}

/// Writes the page of all results in `folder` (`*.jsonl`, in the order of their names) to `to`. Quick looks are left out.
pub(crate) fn write(folder: &Path, to: &Path) -> anyhow::Result<()> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .with_context(|| format!("no results in {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    let mut measurements = Vec::new();
    for file in &files {
        let read = read(file).with_context(|| format!("{} is no file of results", file.display()))?;
        if read.about["quick"] != true {
            measurements.push(read);
        }
    }
    anyhow::ensure!(!measurements.is_empty(), "{} has no results; measure first", folder.display());
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(to, page(&measurements)).with_context(|| format!("could not write {}", to.display()))
}

fn read(file: &Path) -> anyhow::Result<Measurement> {
    let text = std::fs::read_to_string(file)?;
    let mut lines = text.lines().map(serde_json::from_str::<Value>);
    let about = lines.next().context("it is empty")??;
    Ok(Measurement { about, figures: lines.collect::<Result<_, _>>()? })
}

fn page(measurements: &[Measurement]) -> String {
    let mut order = Vec::new();
    let mut all: BTreeMap<String, Series> = BTreeMap::new();
    for measurement in measurements {
        let commit = text(&measurement.about, "commit");
        for figure in &measurement.figures {
            let name = text(figure, "name");
            let Some(value) = figure["value"].as_f64() else { continue };
            if !all.contains_key(&name) {
                order.push(name.clone());
            }
            let series = all.entry(name).or_default();
            series.unit = text(figure, "unit");
            series.target = text(figure, "target");
            series.verdict = text(figure, "verdict");
            series.values.push((commit.clone(), value));
        }
    }
    let mut rows = String::new();
    for name in &order {
        row(&mut rows, name, &all[name]);
    }
    let latest = &measurements.last().expect("checked by the caller").about;
    let facts = ["date", "commit", "cpu", "cores", "kernel", "postgres", "durability"];
    let facts: String = facts
        .iter()
        .filter(|name| !latest[**name].is_null())
        .map(|name| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&plain(&latest[*name]))))
        .collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Podium: measurements</title><style>{STYLE}</style><h1>Podium: measurements</h1>\
         <p>The latest value of each figure, beside what it must reach, and how it went over {} measurements. How each is measured: \
         docs/benchmarks.md.</p><dl>{facts}</dl><table><thead><tr><th scope=\"col\">Figure</th><th scope=\"col\">Latest</th>\
         <th scope=\"col\">Must reach</th><th scope=\"col\">Verdict</th><th scope=\"col\">Over time</th></tr></thead><tbody>{rows}\
         </tbody></table></html>\n",
        measurements.len()
    )
}

const STYLE: &str = ":root{color-scheme:light dark}body{font:14px/1.45 system-ui,sans-serif;margin:24px auto;max-width:1080px;\
     padding:0 16px}dl{display:flex;flex-wrap:wrap;gap:4px 24px}dt{font-size:12px;opacity:.75}dd{margin:0}\
     table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:4px 8px;border-bottom:1px solid #8886}\
     td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.ok{color:light-dark(#176b3a,#6fd699)}\
     .short{color:light-dark(#b3261e,#ff9a92)}svg{overflow:visible}polyline{fill:none;stroke:currentColor;stroke-width:1.5}\
     .mark{stroke:light-dark(#2f4fc7,#93a8ff);stroke-dasharray:4 3}";

fn row(rows: &mut String, name: &str, series: &Series) {
    let Some((_, latest)) = series.values.last() else { return };
    let (class, verdict) = match series.verdict.as_str() {
        "ok" => ("ok", "&#10003; reached"),
        "short" => ("short", "&#10007; short"),
        _ => ("", ""),
    };
    let name = escaped(name);
    // writing to a String cannot fail
    let _ = write!(
        rows,
        "<tr><th scope=\"row\">{name}</th><td class=\"n\">{} {}</td><td class=\"n\">{}</td><td class=\"{class}\">{verdict}</td>\
         <td>{}</td></tr>",
        number(*latest),
        escaped(&series.unit),
        escaped(&series.target),
        drawing(&name, series)
    );
}

/// A line over the measurements, with what must be reached as a broken one. The numbers are in its title.
fn drawing(name: &str, series: &Series) -> String {
    const WIDTH: f64 = 220.0;
    const HEIGHT: f64 = 32.0;
    if series.values.len() < 2 {
        return String::new();
    }
    let target = series.target.rsplit(' ').next().and_then(|number| number.parse::<f64>().ok());
    let values = || series.values.iter().map(|(_, value)| *value);
    let top = values().chain(target).fold(f64::MIN, f64::max).max(f64::MIN_POSITIVE);
    let x = |at: usize| at as f64 * WIDTH / (series.values.len() - 1) as f64;
    let y = |value: f64| HEIGHT - value.max(0.0) / top * HEIGHT;
    let points: Vec<String> =
        values().enumerate().map(|(at, v)| format!("{:.1},{:.1}", x(at), y(v))).collect();
    let dots: String = points
        .iter()
        .filter_map(|point| point.split_once(','))
        .map(|(x, y)| format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"2\"/>"))
        .collect();
    let mark = target.map_or_else(String::new, |target| {
        format!("<line class=\"mark\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{0:.1}\" y2=\"{0:.1}\"/>", y(target))
    });
    let said: Vec<String> = series
        .values
        .iter()
        .map(|(commit, value)| format!("{}: {}", escaped(commit), number(*value)))
        .collect();
    format!(
        "<svg role=\"img\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"currentColor\" aria-label=\"{name} over time\"><title>{}</title>\
         {mark}<polyline points=\"{}\"/>{dots}</svg>",
        said.join("; "),
        points.join(" ")
    )
}

fn text(of: &Value, member: &str) -> String {
    plain(&of[member])
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn measured(commit: &str, value: f64) -> Measurement {
        let figure = json!({"name": "rate <b>", "value": value, "unit": "wf/s", "target": ">= 100", "verdict": "short"});
        Measurement { about: json!({"commit": commit, "cores": 2}), figures: vec![figure] }
    }

    #[test]
    fn a_page_needs_nothing_else_and_shows_the_latest() {
        let page = page(&[measured("aaa", 50.0), measured("bbb", 75.0)]);
        assert!(page.contains("rate &lt;b&gt;") && !page.contains("<b>"), "{page}");
        assert!(page.contains(">75.0 wf/s<") && page.contains("aaa: 50.0; bbb: 75.0"), "{page}");
        assert!(page.contains("points=\"0.0,16.0 220.0,8.0\""), "{page}");
        for outside in ["<script", "http:", "https:", "src=", "@import"] {
            assert!(!page.contains(outside), "{outside} in {page}");
        }
    }
}
