import type { Command } from 'commander';
import { CommanderError } from 'commander';
import type { AdminClient } from '../admin/client.ts';
import { connectAdmin } from '../admin/client.ts';
import { parseEndpoint } from '../config/endpoint.ts';
import { readEnvironment } from '../config/environment.ts';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { DEFAULT_ENDPOINT } from '../convoy/names.ts';
import { completeFor } from './completion.ts';
import type { Context, GlobalOptions, Runner } from './context.ts';
import { EXIT_CODES, EXIT_USAGE } from './exit-codes.ts';
import { createOutput, toJson } from './output.ts';
import { createProgram } from './program.ts';

/** Runs one command of an admin's shell; `args` are those after the program's name. Resolves to the exit status. */
export async function runCli(args: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  // Once: a second Ctrl-C ends the process at once, as it would without us.
  const onSignal = (): void => interrupt.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  let status = 0;
  const program = createProgram(
    runner(interrupt.signal, (result) => {
      status = result;
    }),
  );
  const json = args.includes('--json');
  if (json) quieten(program);
  try {
    if (args[0] === 'complete' && args[1] === '--') await completeFor(program, args.slice(2));
    else await program.parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    return report(error, json);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** Wraps verbs: what commander passes becomes arguments, options and a context; the connection is made when it is first used. */
function runner(signal: AbortSignal, done: (status: number) => void): Runner {
  return (verb) =>
    async (...passed) => {
      const command = passed.at(-1) as Command;
      const { endpoint, json } = command.optsWithGlobals<GlobalOptions>();
      const connection = lazyClient(endpoint);
      const context: Context = { client: connection.client, out: createOutput({ json: json === true }), signal };
      try {
        const status = await verb(context, passed.slice(0, -2) as never, passed.at(-2) as never);
        done(status ?? 0);
        if (signal.aborted && status === undefined) throw new ConvoyError('Cancelled', 'interrupted');
      } finally {
        connection.close();
      }
    };
}

function lazyClient(endpoint: string | undefined): { readonly client: AdminClient; close(): void } {
  let open: AdminClient | undefined;
  const client = (): AdminClient => {
    open ??= connectAdmin(chooseEndpoint(endpoint));
    return open;
  };
  return {
    client: {
      call: (name, request, options) => client().call(name, request, options),
      stream: (name, request, signal) => client().stream(name, request, signal),
      close: () => open?.close(),
    },
    close: () => open?.close(),
  };
}

function chooseEndpoint(flag: string | undefined): string {
  if (flag !== undefined) return parseEndpoint('--endpoint', flag);
  const { CSI_ENDPOINT: env } = readEnvironment();
  return env === undefined || env === '' ? parseEndpoint('endpoint', DEFAULT_ENDPOINT) : parseEndpoint('CSI_ENDPOINT', env);
}

/** Commander's own complaints are then told as JSON, by `report`. */
function quieten(command: Command): void {
  command.configureOutput({ outputError: () => {} });
  for (const child of command.commands) quieten(child);
}

function report(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    if (json) process.stderr.write(`${toJson({ code: 'InvalidArgument', message: error.message.replace(/^error: /, '') })}\n`);
    return EXIT_USAGE;
  }
  const { code, message } = isConvoyError(error)
    ? error
    : new ConvoyError('Internal', error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.stderr.write(json ? `${toJson({ code, message })}\n` : `convoy: ${message}\n`);
  return EXIT_CODES[code];
}
