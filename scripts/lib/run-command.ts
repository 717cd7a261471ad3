import { type ChildProcess, spawn } from 'node:child_process';

export interface Ended {
  /** Exit code; 128 + number for a signal, as shells say it. */
  readonly code: number;
  readonly stdout: string;
  readonly ms: number;
}

const running = new Set<ChildProcess>();

/** Runs a command with our output; with `capture` its standard output is kept too. Never throws for a failing command. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
    readonly capture?: boolean;
    readonly quiet?: boolean;
  } = {},
): Promise<Ended> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', options.capture === true ? 'pipe' : 'inherit', options.quiet === true ? 'ignore' : 'inherit'],
    });
    running.add(child);
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (options.quiet !== true) process.stdout.write(text);
    });
    child.on('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve({ code: 127, stdout, ms: performance.now() - started });
    });
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve({ code: code ?? (signal === 'SIGTERM' ? 143 : 137), stdout, ms: performance.now() - started });
    });
  });
}

/** Passes SIGINT and SIGTERM on to what runs, so that it cleans up after itself, and ends once it has. */
export function passSignalsOn(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      for (const child of running) child.kill(signal);
      process.exitCode = signal === 'SIGINT' ? 130 : 143;
    });
  }
}
