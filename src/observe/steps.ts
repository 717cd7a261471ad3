/**
 * Named steps: the points between two durable effects at which a crash must do no harm. The crash tests kill the program at
 * each of them (test/crash); in production a step is one comparison with undefined.
 */
export const STEPS = [
  // pool/volumes.ts
  'create.recorded', // record `pending` is durable, no data yet
  'create.filled', // the driver's data is whole, record still `pending`
  'create.ready', // record `ready` is durable, caller not answered
  'delete.marked', // record `deleting` is durable (drivers without trash)
  'delete.discarded', // in the trash, caller not answered
  'purge.started', // the trash entry is about to be destroyed
  'expand.grown', // storage has grown, record has the old size
  'expand.recorded',
  // pool/snapshots.ts
  'snapshot.recorded',
  'snapshot.cut',
  'snapshot.ready',
  // directory/ and drivers
  'data.filled', // under its hidden name, durable
  'data.named', // renamed into place
  // publish/
  'stage.attached',
  'stage.formatting', // `formatting` is durable, mkfs not started
  'stage.made', // mkfs done, record still says `formatting`
  'stage.formatted',
  'stage.mounted',
  'publish.target', // target made, nothing bound
  'publish.bound',
  'unpublish.unbound', // unmounted, target still there
  'unstage.unmounted',
] as const;
export type Step = (typeof STEPS)[number];

// biome-ignore lint/style/noProcessEnv: read once, by the crash tests only
const [killAt, occurrence] = (process.env['CONVOY_KILL_AT'] ?? '').split('#');
let left = Number(occurrence ?? '1');

/** Marks that a step was reached. Dies here, as by kill -9, if the crash tests asked for it. */
export function step(name: Step): void {
  if (killAt !== name) return;
  left -= 1;
  if (left > 0) return;
  process.kill(process.pid, 'SIGKILL');
  // The signal is delivered on return to user mode; never run a line further.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
