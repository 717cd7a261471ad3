import type { Command } from 'commander';
import { VERSION } from '../config/version.ts';
import type { Context, Runner } from './context.ts';

export function addVersion(program: Command, run: Runner): void {
  program.command('version').description('the version of this command').action(run(version));
}

async function version({ out }: Context): Promise<void> {
  out.answer({ version: VERSION, nodeVersion: process.version }, (lines) => lines.line(`convoy ${VERSION} (Node ${process.version})`));
}
