//! The results as a table and as JSON, with the required figures.

use std::fmt::Write as _;

use serde::Serialize;

use crate::api::ApiResult;
use crate::classify::ClassifyResult;
use crate::latency::LatencyResult;
use crate::pipeline::{MemoryResult, PipelineResult};
use crate::pixel::PixelResult;
use crate::resolve::ResolveResult;

/// All measurements.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The cores of the machine. Client, services and servers share them.
    pub cores: usize,
    pub pixel: Option<PixelResult>,
    pub pipeline: Vec<PipelineResult>,
    pub latency: Vec<LatencyResult>,
    pub resolve: Option<ResolveResult>,
    pub classify: Option<ClassifyResult>,
    pub api: Option<ApiResult>,
}

impl Report {
    /// Returns the table.
    #[must_use]
    pub fn to_table(&self) -> String {
        let mut table = format!("sluice-bench on {} cores, everything on this machine\n", self.cores);
        if let Some(pixel) = &self.pixel {
            pixel_rows(pixel, &mut table);
        }
        for pipeline in &self.pipeline {
            pipeline_rows(pipeline, &mut table);
        }
        if !self.latency.is_empty() {
            heading("accepted to visible", &mut table);
            for latency in &self.latency {
                let (p50, p95, p99) = (latency.p50_ms, latency.p95_ms, latency.p99_ms);
                row(
                    &format!("at {:.0} events/s", latency.background_per_s),
                    &format!("p50 {p50} ms   p95 {p95} ms   p99 {p99} ms   max {} ms", latency.max_ms),
                    &format!("{} probes; wanted p95 < 3000 ms", latency.probes),
                    &mut table,
                );
            }
        }
        if let Some(resolve) = &self.resolve {
            resolve_rows(resolve, &mut table);
        }
        if let Some(classify) = &self.classify {
            classify_rows(classify, &mut table);
        }
        if let Some(api) = &self.api {
            api_rows(api, &mut table);
        }
        table
    }
}

fn resolve_rows(resolve: &ResolveResult, table: &mut String) {
    let ResolveResult { users, teams, keys, .. } = resolve;
    heading(&format!("resolving, {users} users, {teams} teams, {keys} keys"), table);
    let runs: String = resolve.runs_ns.iter().map(|ns| format!("{ns:.0} ")).collect();
    let note = format!("runs {runs}over {} events; wanted < 300 ns", resolve.events);
    row("an event", &format!("{:.0} ns", resolve.median_ns), &note, table);
}

fn classify_rows(classify: &ClassifyResult, table: &mut String) {
    heading("classifying", table);
    let runs: String = classify.runs_us.iter().map(|us| format!("{us:.1} ")).collect();
    let note = format!("runs {runs}over {} user agents; wanted < 15 µs", classify.agents);
    row("a new user agent", &format!("{:.1} µs", classify.median_us), &note, table);
    let note = format!("{:.0} ms until the first user agent is read", classify.first_ms);
    row("memory of the rules", &format!("{} KiB", classify.rules_kib), &note, table);
}

fn api_rows(api: &ApiResult, table: &mut String) {
    let ApiResult { users, teams, ledger_lines, prospects, .. } = api;
    heading(
        &format!("API, {users} users, {teams} teams, {ledger_lines} ledger lines, {prospects} prospects"),
        table,
    );
    for list in &api.lists {
        let times = format!("p50 {:7.1} ms   p95 {:7.1} ms", list.p50_ms, list.p95_ms);
        let verdict = if list.holds { "" } else { "   TOO SLOW" };
        let note = format!("{:3} requests; wanted < {:3.0} ms{verdict}", list.n, list.wanted_p95_ms);
        writeln!(table, "  {:<62}{times}  {note}", list.name).expect("a string takes all");
    }
    for page in &api.pages {
        let times = format!("p50 {:7.1} ms   p95 {:7.1} ms", page.times.p50_ms, page.times.p95_ms);
        let weight = format!("{:3.0} kB", page.received_bytes as f64 / 1e3);
        let verdict = if page.times.holds { "" } else { "   TOO SLOW OR LARGE" };
        let wanted =
            format!("{:3.0} ms, {:3.0} kB", page.times.wanted_p95_ms, page.wanted_bytes as f64 / 1e3);
        let note = format!("{weight}; wanted < {wanted}{verdict}");
        writeln!(table, "  {:<62}{times}  {note}", page.times.name).expect("a string takes all");
    }
    let download = &api.download;
    let grew = format!("memory grew by {} KiB", download.grew_kib);
    let wanted = format!("wanted ≥ {:.0}/s, < {} KiB", download.wanted_per_s, download.wanted_kib);
    let note =
        format!("{} rows, {:.0} ms to the first; {grew}; {wanted}", download.rows, download.first_byte_ms);
    row("rows/s of a CSV file", &format!("{:.0}", download.per_s), &note, table);
    let reads = &api.reads;
    let cpu = format!("{:.0} µs CPU of the service each", reads.cpu_us);
    let times = format!("p50 {:.1} ms   p95 {:.1} ms", reads.p50_ms, reads.p95_ms);
    row("reads/s", &format!("{:.0}", reads.per_s), &format!("{times}; {cpu}; wanted ≥ 2000"), table);
    row("lists of 100 users/s", &format!("{:.0}", reads.long_lists_per_s), "", table);
    let logins = &api.logins;
    let note = format!("p50 {:.0} ms   p95 {:.0} ms; wanted 50", logins.p50_ms, logins.p95_ms);
    row("logins/s", &format!("{:.1}, {} refused", logins.per_s, logins.refused), &note, table);
    let beside = format!("p95 {:.1} ms beside logins", logins.reads_beside_p95_ms);
    let note = format!("{:.1} ms without; {:.0} reads/s", logins.reads_alone_p95_ms, logins.reads_per_s);
    row("paced reads", &beside, &note, table);
}

fn pixel_rows(pixel: &PixelResult, table: &mut String) {
    heading("CPU per pixel, one core", table);
    let runs = |runs: &[crate::pixel::PixelRun]| {
        runs.iter().map(|run| format!("{:.2} ", run.cpu_us)).collect::<String>()
    };
    let per_s = |runs: &[crate::pixel::PixelRun]| {
        runs.iter().map(|run| run.per_s).sum::<f64>() / runs.len().max(1) as f64
    };
    let edge = format!("{:.2} µs, durable: {}", pixel.edge_median_us, pixel.durability);
    let note = format!("runs {}({:.0}/s)", runs(&pixel.edge), per_s(&pixel.edge));
    row("edge", &edge, &note, table);
    match (&pixel.nginx, pixel.nginx_median_us, pixel.ratio) {
        (Some(nginx), Some(median_us), Some(ratio)) => {
            let note = format!("runs {}({:.0}/s)", runs(nginx), per_s(nginx));
            row("nginx empty_gif", &format!("{median_us:.2} µs, stored nowhere"), &note, table);
            row("edge / nginx", &format!("{ratio:.2}"), "median of pairs; wanted ≤ 1.15", table);
        }
        _ => row("nginx empty_gif", "not installed", "apt-get install nginx-light to compare", table),
    }
    if pixel.refused > 0 {
        row("refused", &pixel.refused.to_string(), "pixels not kept: the figures do not count", table);
    }
}

fn pipeline_rows(pipeline: &PipelineResult, table: &mut String) {
    let pace = pipeline
        .wanted_per_s
        .map_or_else(|| "as fast as it goes".to_owned(), |per_s| format!("{per_s:.0}/s wanted"));
    heading(&format!("client to visible, {} events, {pace}", pipeline.events), table);
    let exact = if pipeline.exact { "each stored once, roll-up agrees" } else { "NOT EXACT" };
    row("events/s", &format!("{:.0}", pipeline.visible_per_s), exact, table);
    row("acknowledged/s", &format!("{:.0}", pipeline.accepted_per_s), pipeline.durability, table);
    row("last one visible after", &format!("{:.2} s", pipeline.lag_s), "", table);
    let cpu = &pipeline.cpu_us;
    let all = cpu.client + cpu.ingest + cpu.kafka + cpu.consumer + cpu.clickhouse;
    let each = format!(
        "client {:.1}  ingest {:.1}  kafka {:.1}  consumer {:.1}  clickhouse {:.1}",
        cpu.client, cpu.ingest, cpu.kafka, cpu.consumer, cpu.clickhouse
    );
    row("CPU per event", &format!("{all:.1} µs"), &each, table);
    memory_row("ingest memory", &pipeline.ingest_memory, table);
    memory_row("consumer memory", &pipeline.consumer_memory, table);
}

fn memory_row(name: &str, memory: &MemoryResult, table: &mut String) {
    let quarters: Vec<String> = memory.quarters_mib.iter().map(|mib| format!("{mib:.0}")).collect();
    let note =
        format!("by quarter {}; own {:.0}; wanted < 200", quarters.join(" → "), memory.anonymous_peak_mib);
    row(name, &format!("peak {:.0} MiB", memory.peak_mib), &note, table);
}

fn heading(text: &str, table: &mut String) {
    write!(table, "\n{text}\n").expect("a string takes all");
}

fn row(name: &str, value: &str, note: &str, table: &mut String) {
    writeln!(table, "  {name:<24}{value:<34}  {note}").expect("a string takes all");
}
