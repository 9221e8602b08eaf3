//! What the runs say about the targets.

use std::fmt;

use super::memory::MemoryRow;
use super::results::{DescribedRow, Kind, Limit, Results, Spread, Target};
use super::server::{ALL_CORES, FANFARE, REFERENCE};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Met,
    /// Below it by less than the runs differ among themselves.
    WithinNoise,
    Missed,
    /// Not every run of Fanfare got through, which no speed makes up for.
    Failed,
    NoRatio,
}

/// One target and what came of it.
#[derive(Debug)]
pub(super) struct Judged {
    /// The load, or what grew.
    pub(super) title: String,
    /// Which number of it.
    pub(super) number: &'static str,
    pub(super) ratio: Option<f64>,
    pub(super) limit: Limit,
    pub(super) verdict: Verdict,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Met => "met",
            Self::WithinNoise => "below, but within the noise",
            Self::Missed => "**missed**",
            Self::Failed => "**missed, runs failed**",
            Self::NoRatio => "nothing to compare with",
        })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, ">= {least}"),
            Self::AtMost(most) => write!(f, "<= {most}"),
        }
    }
}

impl Judged {
    pub(super) fn is_missed(&self) -> bool {
        !matches!(self.verdict, Verdict::Met | Verdict::WithinNoise)
    }

    /// Rounded so that what falls short never looks as if it did not.
    pub(super) fn ratio_text(&self) -> String {
        self.ratio.map_or_else(|| "-".to_owned(), |ratio| ratio_text(ratio, self.limit))
    }
}

/// All targets, in the page's order.
pub(super) fn all(results: &Results) -> Vec<Judged> {
    let of_row =
        |row: &DescribedRow| row.targets.iter().map(|target| target_of_row(results, row, target)).collect::<Vec<_>>();
    let memory = results.memory.iter().filter_map(memory_target);
    results.rows.iter().flat_map(of_row).chain(memory).chain(all_cores(results)).collect()
}

pub(super) fn target_of_row(results: &Results, row: &DescribedRow, target: &Target) -> Judged {
    let median =
        |row: &str, server: &str| Some(results.spread(row, server, |sample| target.measure.of(sample))?.median);
    let basis = target.row.as_ref().map_or_else(|| median(&row.id, REFERENCE), |other| median(other, FANFARE));
    let ratio = median(&row.id, FANFARE).zip(basis).map(|(number, basis)| number / basis);
    let verdict = judge(target.limit, ratio, has_failed(results, row, FANFARE));
    Judged { title: row.title.clone(), number: target.measure.name(), ratio, limit: target.limit, verdict }
}

pub(super) fn memory_target(row: &MemoryRow) -> Option<Judged> {
    let (limit, ratio) = (Limit::AtMost(row.target?), row.ratio());
    let verdict = judge(limit, ratio, row.each(FANFARE).is_none());
    Some(Judged { title: row.title.clone(), number: "bytes", ratio, limit, verdict })
}

fn judge(limit: Limit, ratio: Option<f64>, has_failed: bool) -> Verdict {
    match ratio {
        _ if has_failed => Verdict::Failed,
        None => Verdict::NoRatio,
        Some(ratio) if limit.allows(ratio) => Verdict::Met,
        Some(_) => Verdict::Missed,
    }
}

/// A worker per core beside one worker, with each row of deliveries.
pub(super) fn all_cores(results: &Results) -> Vec<Judged> {
    let measured = |row: &&DescribedRow| row.kind == Kind::Fanout && results.of(&row.id, ALL_CORES).next().is_some();
    let judged = |row: &DescribedRow| {
        let spread = |server| results.spread(&row.id, server, |sample| row.measure.of(sample));
        let both = spread(ALL_CORES).zip(spread(FANFARE));
        let verdict = match both {
            _ if has_failed(results, row, ALL_CORES) => Verdict::Failed,
            None => Verdict::NoRatio,
            Some((all, one)) => never_below(all, one),
        };
        let ratio = both.map(|(all, one)| all.median / one.median);
        let title = format!("{}, a worker per core beside one worker", row.title);
        Judged { title, number: row.measure.name(), ratio, limit: Limit::AtLeast(1.0), verdict }
    };
    results.rows.iter().filter(measured).map(judged).collect()
}

/// Two equal servers differ by chance, so a little less is no less as long as the runs overlap.
fn never_below(all: Spread, one: Spread) -> Verdict {
    let ratio = all.median / one.median;
    if ratio >= 1.0 {
        Verdict::Met
    } else if ratio >= NOISE_LEAST && all.max >= one.min {
        Verdict::WithinNoise
    } else {
        Verdict::Missed
    }
}

fn has_failed(results: &Results, row: &DescribedRow, server: &str) -> bool {
    results.of(&row.id, server).any(|run| run.sample.is_none())
}

pub(super) fn ratio_text(ratio: f64, limit: Limit) -> String {
    let hundredths = match limit {
        Limit::AtLeast(_) => (ratio * 100.0).floor(),
        Limit::AtMost(_) => (ratio * 100.0).ceil(),
    };
    format!("{:.2}", hundredths / 100.0)
}

/// Further below is a miss however much the runs differ.
pub(super) const NOISE_LEAST: f64 = 0.9;

#[cfg(test)]
mod tests {
    use super::super::memory::tests::row as memory_row;
    use super::super::results::tests::{results, runs};
    use super::*;

    fn verdict(fanfare: &[Option<f64>], redis: &[Option<f64>]) -> Verdict {
        all(&results(fanfare, redis))[0].verdict
    }

    #[test]
    fn a_target_is_met_missed_or_not_to_be_told() {
        assert_eq!(verdict(&[Some(20.0)], &[Some(10.0)]), Verdict::Met);
        assert_eq!(verdict(&[Some(19.0)], &[Some(10.0)]), Verdict::Missed);
        assert_eq!(verdict(&[Some(20.0)], &[None]), Verdict::NoRatio);
        assert_eq!(verdict(&[Some(20.0), None], &[Some(1.0)]), Verdict::Failed);
    }

    #[test]
    fn a_row_can_be_held_to_another_one() {
        let mut results = results(&[Some(30.0)], &[]);
        let mut other = runs("fanfare", &[Some(10.0)]);
        other[0].row = "other".to_owned();
        results.measured.extend(other);
        results.rows[0].targets[0].limit = Limit::AtMost(2.0);
        results.rows[0].targets[0].row = Some("other".into());
        let judged = &all(&results)[0];
        assert_eq!((judged.ratio, judged.verdict), (Some(3.0), Verdict::Missed));
    }

    #[test]
    fn all_cores_may_be_below_within_the_noise_only() {
        let spread = |median: f64, reach: f64| Spread { median, min: median - reach, max: median + reach };
        assert_eq!(never_below(spread(100.0, 0.0), spread(100.0, 0.0)), Verdict::Met);
        assert_eq!(never_below(spread(95.0, 3.0), spread(100.0, 3.0)), Verdict::WithinNoise);
        assert_eq!(never_below(spread(95.0, 1.0), spread(100.0, 3.0)), Verdict::Missed);
        assert_eq!(never_below(spread(85.0, 50.0), spread(100.0, 3.0)), Verdict::Missed);
        let mut results = results(&[Some(10.0)], &[Some(1.0)]);
        assert_eq!(all_cores(&results).len(), 0);
        results.measured.extend(runs(ALL_CORES, &[Some(5.0)]));
        assert_eq!(all_cores(&results)[0].verdict, Verdict::Missed);
    }

    #[test]
    fn memory_is_judged_by_bytes() {
        let verdict = |fanfare, redis| memory_target(&memory_row(fanfare, redis)).unwrap().verdict;
        assert_eq!(verdict(Some(50), Some(100)), Verdict::Met);
        assert_eq!(verdict(Some(51), Some(100)), Verdict::Missed);
        assert_eq!(verdict(None, Some(100)), Verdict::Failed);
        assert_eq!(verdict(Some(1), None), Verdict::NoRatio);
    }

    #[test]
    fn ratios_never_look_better_than_they_are() {
        assert_eq!(ratio_text(1.999, Limit::AtLeast(2.0)), "1.99");
        assert_eq!(ratio_text(1.001, Limit::AtMost(1.0)), "1.01");
        assert_eq!([Limit::AtLeast(1.3).to_string(), Limit::AtMost(1.0).to_string()], [">= 1.3", "<= 1"]);
    }
}
