//! The plot: how many times redis-server each load is, on a logarithmic axis.

use std::fmt::Write;

use super::results::{DescribedRow, Limit, Results, Target};
use super::server::{ALL_CORES, FANFARE, FLOOR, REFERENCE};

/// One mark of a line: whose, and how many times better than the reference.
struct Mark<'a> {
    server: &'a str,
    times: f64,
}

/// An SVG of one line for each target that is about the reference.
///
/// It is readable in front of dark and of light, and whoever reads the file finds each number in a title.
pub(super) fn svg(results: &Results) -> String {
    let lines: Vec<_> = results
        .rows
        .iter()
        .flat_map(|row| row.targets.iter().filter(|target| target.row.is_none()).map(move |target| (row, target)))
        .collect();
    let servers: Vec<&str> =
        results.servers.iter().map(|server| server.name.as_str()).filter(|name| *name != REFERENCE).collect();
    let marks: Vec<Vec<Mark<'_>>> =
        lines.iter().map(|(row, target)| marks_of(results, &servers, row, target)).collect();
    let bounds = lines.iter().map(|(_, target)| bound(target.limit));
    let all = marks.iter().flatten().map(|mark| mark.times).chain(bounds).filter(|times| times.is_normal());
    let (low, high) = all.fold((0.5f64, 2.0f64), |(low, high), times| (low.min(times), high.max(times)));
    let (low, high) = (low.log10() - 0.1, high.log10() + 0.1);
    let x = |times: f64| LEFT + (times.log10() - low) / (high - low) * (RIGHT - LEFT);
    let height = TOP + LINE * lines.len() as f64 + BOTTOM;
    let bottom = height - BOTTOM;

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>Times {REFERENCE}, per load</title>\n<style>{STYLE}</style>\n\
         <rect class=\"back\" width=\"{WIDTH}\" height=\"{height}\"/>\n"
    );
    let mut legend_x = 12.0;
    for server in &servers {
        let _ = writeln!(
            out,
            "{}<text x=\"{:.0}\" y=\"22\">{}</text>",
            dot(server, legend_x, 18.0, ""),
            legend_x + 10.0,
            escaped(server)
        );
        legend_x += 34.0 + 7.2 * server.len() as f64;
    }
    let _ = writeln!(
        out,
        "<path class=\"target\" d=\"M{legend_x:.0} 11v14\"/><text x=\"{:.0}\" y=\"22\">target</text>",
        legend_x + 8.0
    );
    for times in TICKS.iter().copied().filter(|times| (low..=high).contains(&times.log10())) {
        let class = if times == 1.0 { "one" } else { "tick" };
        let _ = writeln!(
            out,
            "<path class=\"{class}\" d=\"M{x:.1} {TOP}V{bottom}\"/>\
             <text class=\"axis\" x=\"{x:.1}\" y=\"{:.0}\">{times}x</text>",
            bottom + 16.0,
            x = x(times),
        );
    }
    for (at, ((row, target), marks)) in lines.iter().zip(&marks).enumerate() {
        let y = TOP + LINE * (at as f64 + 0.5);
        let label = match target.limit {
            Limit::AtLeast(_) => row.title.clone(),
            // Its first word: p50 or p99.
            Limit::AtMost(_) => {
                format!("{}, {}", row.title, target.measure.name().split(' ').next().unwrap_or_default())
            }
        };
        let bound = x(bound(target.limit));
        let _ = writeln!(
            out,
            "<text class=\"label\" x=\"{:.0}\" y=\"{:.1}\">{}</text>\n<path class=\"target\" d=\"M{bound:.1} {:.1}v14\"/>",
            LEFT - 10.0,
            y + 4.0,
            escaped(&label),
            y - 7.0,
        );
        // Fanfare last, so that it lies on top.
        for mark in marks.iter().rev() {
            let title = format!("{label}, {}: {}", mark.server, short(mark.times));
            let _ = writeln!(out, "{}", dot(mark.server, x(mark.times), y, &title));
        }
        if let Some(mark) = marks.iter().find(|mark| mark.server == FANFARE) {
            let _ = writeln!(out, "<text x=\"{VALUE_X}\" y=\"{:.1}\">{}</text>", y + 4.0, short(mark.times));
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Of a latency it is the reference's that is divided, so that further right is better everywhere.
fn marks_of<'a>(results: &Results, servers: &[&'a str], row: &DescribedRow, target: &Target) -> Vec<Mark<'a>> {
    let mark = |server: &'a str| {
        let ratio = results.ratio(&row.id, server, REFERENCE, target.measure)?;
        let times = if let Limit::AtMost(_) = target.limit { 1.0 / ratio } else { ratio };
        times.is_normal().then_some(Mark { server, times })
    };
    servers.iter().filter_map(|server| mark(server)).collect()
}

fn bound(limit: Limit) -> f64 {
    match limit {
        Limit::AtLeast(least) => least,
        Limit::AtMost(most) => 1.0 / most,
    }
}

fn dot(server: &str, x: f64, y: f64, title: &str) -> String {
    let class = match server {
        FANFARE => "fanfare",
        ALL_CORES => "cores",
        FLOOR => "floor",
        _ => "peer",
    };
    let title = if title.is_empty() { String::new() } else { format!("<title>{}</title>", escaped(title)) };
    format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\">{title}</circle>")
}

/// Rounded down, as in the tables.
fn short(times: f64) -> String {
    if times < 10.0 { format!("{:.2}x", (times * 100.0).floor() / 100.0) } else { format!("{:.0}x", times.floor()) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const WIDTH: f64 = 960.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 28.0;
const LINE: f64 = 26.0;
const LEFT: f64 = 400.0;
const RIGHT: f64 = 890.0;
const VALUE_X: f64 = 902.0;
const TICKS: &[f64] = &[0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0];
const STYLE: &str = "
text{font:12px system-ui,sans-serif;fill:#1f2328}.label{text-anchor:end}.axis{text-anchor:middle}
.back{fill:#fff}.tick,.one,.target{fill:none;stroke:#d1d9e0}.one{stroke:#59636e;stroke-width:1.5}
.target{stroke:#cf222e;stroke-width:2}.fanfare{fill:#0969da}.cores{fill:none;stroke:#0969da;stroke-width:2}
.floor{fill:#9a6700}.peer{fill:#8250df}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.back{fill:#0d1117}.tick{stroke:#3d444d}.one{stroke:#9198a1}
.target{stroke:#f85149}.fanfare{fill:#4493f8}.cores{stroke:#4493f8}.floor{fill:#d29922}.peer{fill:#ab7df8}}
";

#[cfg(test)]
mod tests {
    use super::super::results::tests::{described, results, runs};
    use super::*;

    #[test]
    fn each_server_has_a_mark_further_right_if_it_is_faster() {
        let mut results = results(&[Some(40.0)], &[Some(10.0)]);
        results.servers.push(described(FLOOR));
        results.measured.extend(runs(FLOOR, &[Some(20.0)]));
        let svg = svg(&results);
        let at = |title: &str| {
            let line = svg.lines().find(|line| line.contains(title)).unwrap_or_else(|| panic!("{title} in {svg}"));
            line.split("cx=\"").nth(1).unwrap().split('"').next().unwrap().parse::<f64>().unwrap()
        };
        assert!(at("1 -&gt; 2, fanfare: 4.00x") > at("1 -&gt; 2, floor: 2.00x"));
        assert!(svg.contains("4.00x</text>"), "{svg}");
    }

    #[test]
    fn less_latency_is_further_right() {
        let mut results = results(&[Some(5.0)], &[Some(10.0)]);
        results.rows[0].targets[0].limit = Limit::AtMost(1.0);
        assert!(svg(&results).contains("fanfare: 2.00x"));
    }

    #[test]
    fn without_runs_there_are_no_marks() {
        let svg = svg(&results(&[None], &[]));
        assert_eq!(svg.matches("<circle").count(), 1, "that of the legend");
    }
}
