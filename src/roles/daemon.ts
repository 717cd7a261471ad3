import type { DaemonConfig } from '../config/config.ts';
import { readEnvironment } from '../config/environment.ts';
import { parseDaemonFlags } from '../config/flags.ts';
import { loadDaemonConfig } from '../config/load.ts';
import { isConvoyError, isErrno } from '../convoy/errors.ts';
import { DriverRegistry } from '../convoy/registry.ts';
import { registerAll } from '../drivers/all.ts';
import type { Log } from '../observe/log.ts';
import { createLog } from '../observe/log.ts';

/** A role that serves. */
export interface Running {
  /** Stops accepting, lets what runs end for a bounded time, gives up what the process holds. Unmounts nothing. */
  stop(): Promise<void>;
  /** Aborts when it may serve no longer; the reason is an error. */
  readonly lost?: AbortSignal;
}

const EXIT_FAILED = 1;
/** Bad options or config file: nothing was touched. The same as of the commands (cli/exit-codes.ts). */
const EXIT_USAGE = 2;
/** Whatever hangs: below the 30 s that Kubernetes gives a pod by default. */
const STOP_WITHIN_MS = 25_000;

/** Serves until SIGTERM or SIGINT. `args` are those after `daemon`. Resolves to the exit status; the caller exits. */
export async function runDaemon(args: readonly string[]): Promise<number> {
  const stopping = onSignal();
  let config: DaemonConfig;
  const registry = new DriverRegistry();
  try {
    registerAll(registry);
    config = await loadDaemonConfig({ flags: parseDaemonFlags(args), env: readEnvironment(), drivers: registry });
  } catch (error) {
    return complain(error);
  }
  const log = createLog({ level: config.logLevel, to: 'stdout' });
  dieOnSurprise(log);
  try {
    const running = await start(config, registry, log);
    log.info({ ready_ms: Math.round(performance.now()), pid: process.pid, node: config.nodeName, endpoint: config.socketPath }, 'ready');
    const why = await Promise.race([stopping, lost(running)]);
    if (why instanceof Error) log.error({ reason: why.message }, 'stopping: this process may serve no longer');
    else log.info({ signal: why }, 'stopping');
    await withinLimit(running.stop(), log);
    log.info({}, 'stopped');
    return why instanceof Error ? EXIT_FAILED : 0;
  } catch (error) {
    // An expected refusal needs no stack: its message says what to do.
    if (isConvoyError(error) && error.code !== 'Internal')
      log.error({ code: error.code, reason: error.message }, 'the daemon could not start');
    else log.error({ error }, 'the daemon could not start');
    return complain(error);
  }
}

/** Never resolves where nothing can be lost. */
function lost(running: Running): Promise<Error> {
  return new Promise((resolve) => {
    const { lost: signal } = running;
    const tell = (): void => resolve(signal?.reason instanceof Error ? signal.reason : new Error(String(signal?.reason)));
    if (signal?.aborted === true) tell();
    else signal?.addEventListener('abort', tell, { once: true });
  });
}

/** Each role loads what it needs: the Kubernetes client costs a node agent more memory than everything else. */
async function start(config: DaemonConfig, registry: DriverRegistry, log: Log): Promise<Running> {
  if (config.role !== 'controller') return (await import('./node.ts')).startNode(config, registry, log);
  return (await import('./controller.ts')).startController(config, registry, log);
}

/** One line for who started us, where a person looks first. */
function complain(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    `convoy daemon: ${message.replaceAll('\n', ' ')}${lacksRoot(error) ? ' (convoy daemon needs root, and this is not)' : ''}\n`,
  );
  return isConvoyError(error, 'InvalidArgument') ? EXIT_USAGE : EXIT_FAILED;
}

/** Looks through the causes: a permission that is missing, to a user who is not root. */
function lacksRoot(error: unknown): boolean {
  if (process.geteuid?.() === 0) return false;
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1)
    if (isErrno(at, 'EACCES', 'EPERM')) return true;
  return false;
}

/**
 * The first signal. SIGINT after it ends the process at once: somebody at a keyboard does not want to wait. SIGTERM does not: a
 * supervisor that signals a whole group, and a wrapper that passes on what it got, make two of one; who insists has SIGKILL.
 */
function onSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let seen = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.on(signal, () => {
        if (seen && signal === 'SIGINT') process.exit(130);
        seen = true;
        resolve(signal);
      });
  });
}

/** A state that nobody thought of: everything on disk is made to survive a kill, so that dying is the safe answer. */
function dieOnSurprise(log: Log): void {
  const die = (error: unknown, what: string): void => {
    log.error({ error }, what);
    process.stderr.write(`convoy daemon: ${what}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(EXIT_FAILED);
  };
  process.on('uncaughtException', (error) => die(error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => die(error, 'unhandled rejection'));
}

async function withinLimit(stopped: Promise<void>, log: Log): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), STOP_WITHIN_MS);
  });
  try {
    if ((await Promise.race([stopped, late])) === 'late')
      log.warn({ waited_ms: STOP_WITHIN_MS }, 'work did not end in time: the next start takes it up');
  } finally {
    clearTimeout(timer);
  }
}
