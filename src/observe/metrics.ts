import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';
import type { GaugeName, MetricDefinition, Sample } from './metric-catalogue.ts';
import { METRICS } from './metric-catalogue.ts';

/** From a publish that binds a directory to a copy that ran for as long as a sidecar waits. */
const CALL_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** Counts what happens and gathers what is, on each scrape, from `gather`. An instance of its own registry: nothing is global. */
export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #gauges = new Map<GaugeName, Gauge>();
  readonly #calls = new Counter({ ...definition('convoy_csi_calls_total'), registers: [this.#registry] });
  readonly #seconds = new Histogram({ ...definition('convoy_csi_call_seconds'), buckets: CALL_BUCKETS, registers: [this.#registry] });
  readonly #driverCalls = new Counter({ ...definition('convoy_driver_calls_total'), registers: [this.#registry] });
  readonly #driverSeconds = new Histogram({
    ...definition('convoy_driver_call_seconds'),
    buckets: CALL_BUCKETS,
    registers: [this.#registry],
  });
  readonly #jobBytes = new Counter({ ...definition('convoy_job_bytes_total'), registers: [this.#registry] });
  readonly #refusals = new Counter({ ...definition('convoy_agent_refusals_total'), registers: [this.#registry] });
  readonly #gather: () => Promise<readonly Sample[]>;
  #scrape: Promise<string> | undefined;

  constructor(gather: () => Promise<readonly Sample[]>) {
    this.#gather = gather;
    this.contentType = this.#registry.contentType;
    for (const [name, { type }] of Object.entries(METRICS))
      if (type === 'gauge')
        this.#gauges.set(name as GaugeName, new Gauge({ ...definition(name as GaugeName), registers: [this.#registry] }));
  }

  /** One finished call. `code` is the gRPC status' name (`OK`, `ABORTED`). */
  callFinished(method: string, code: string, seconds: number): void {
    this.#calls.inc({ method, code });
    this.#seconds.observe({ method }, seconds);
  }

  /** One finished call of a pool's driver; `code` is our error code, or OK. */
  driverCallFinished(pool: string, call: string, code: string, seconds: number): void {
    this.#driverCalls.inc({ pool, call, code });
    this.#driverSeconds.observe({ pool, call }, seconds);
  }

  jobBytes(pool: string, kind: string, bytes: number): void {
    if (bytes > 0) this.#jobBytes.inc({ pool, kind }, bytes);
  }

  /** A connection or a call between controller and agent that was refused. */
  agentRefused(reason: string): void {
    this.#refusals.inc({ reason });
  }

  /** The text format. Scrapes that overlap share one gathering: two Prometheus servers cost as much as one. */
  async render(): Promise<string> {
    this.#scrape ??= this.#renderOnce().finally(() => {
      this.#scrape = undefined;
    });
    return this.#scrape;
  }

  async #renderOnce(): Promise<string> {
    const samples = await this.#gather();
    for (const gauge of this.#gauges.values()) gauge.reset();
    for (const { name, labels, value } of [...samples, ...processSamples()]) this.#gauges.get(name)?.set(labels ?? {}, value);
    return this.#registry.metrics();
  }
}

function definition(name: keyof typeof METRICS): { name: string; help: string; labelNames: string[] } {
  const { help, labels }: MetricDefinition = METRICS[name];
  return { name, help, labelNames: [...labels] };
}

function processSamples(): readonly Sample[] {
  return [
    { name: 'process_resident_memory_bytes', value: process.memoryUsage.rss() },
    { name: 'process_start_time_seconds', value: Math.round((Date.now() - process.uptime() * 1000) / 1000) },
  ];
}
