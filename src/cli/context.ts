import type { AdminClient } from '../admin/client.ts';
import type { Output } from './output.ts';

/** What a verb works with. */
export interface Context {
  readonly client: AdminClient;
  readonly out: Output;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** The global options, which every verb has. */
export interface GlobalOptions {
  readonly endpoint?: string;
  readonly json?: boolean;
}

/** Makes a commander action of a verb: with its arguments, its options and a context. What it returns is the exit status; none is 0. */
export type Verb<Args extends readonly unknown[], Options> = (context: Context, args: Args, options: Options) => Promise<number | void>;
export type Runner = <Args extends readonly unknown[], Options>(
  verb: Verb<Args, Options>,
) => (...commanderArgs: unknown[]) => Promise<void>;
