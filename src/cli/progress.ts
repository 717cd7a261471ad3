import type { SingleBar } from 'cli-progress';
import type { Output } from './output.ts';
import type { JobMessage } from './shapes.ts';
import { formatBytes } from './units.ts';

/** Shows how far a job is: a bar where someone watches, a line now and then elsewhere, nothing with --json. */
export interface Progress {
  update(job: JobMessage): void;
  stop(): void;
}

export function createProgress(out: Output, label: string): Progress {
  if (out.json) return { update: () => {}, stop: () => {} };
  return out.interactive ? bar(label) : lines(out, label);
}

/** A bar needs a total; until one is known the numbers stand alone. The library is loaded when there is something to show. */
function bar(label: string): Progress {
  let shown: SingleBar | undefined;
  let latest: JobMessage | undefined;
  let stopped = false;
  const draw = (job: JobMessage): void => {
    const total = Number(job.totalBytes);
    shown?.setTotal(total === 0 ? Number(job.doneBytes) : total);
    shown?.update(Number(job.doneBytes), { text: describe(job) });
  };
  const start = async (job: JobMessage): Promise<void> => {
    const { SingleBar: Bar } = await import('cli-progress').then((module) => module.default);
    if (stopped) return;
    shown = new Bar({
      format: `${label} [{bar}] {text}`,
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      barsize: 30,
      fps: 5,
    });
    shown.start(Number(job.totalBytes), Number(job.doneBytes), { text: describe(job) });
    draw(latest ?? job);
  };
  return {
    update: (job) => {
      const first = latest === undefined;
      latest = job;
      if (first) void start(job);
      else draw(job);
    },
    stop: () => {
      stopped = true;
      shown?.stop();
    },
  };
}

const LINE_EVERY_MS = 5000;

function lines(out: Output, label: string): Progress {
  let last = Date.now();
  return {
    update: (job) => {
      if (Date.now() - last < LINE_EVERY_MS) return;
      last = Date.now();
      out.note(`${label}: ${describe(job)}`);
    },
    stop: () => {},
  };
}

/** `restore running: 1.2 GiB of 4.0 GiB`, `clone running: 120 entries, 3.0 MiB` */
export function describe(job: JobMessage): string {
  const done = formatBytes(BigInt(job.doneBytes));
  const entries = job.doneEntries === '0' ? '' : `${job.doneEntries} entries, `;
  const of = job.totalBytes === '0' ? '' : ` of ${formatBytes(BigInt(job.totalBytes))}`;
  return `${job.kind} ${job.state}: ${entries}${done}${of}`;
}
