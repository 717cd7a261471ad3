import { Command } from 'commander';
import { VERSION } from '../config/version.ts';
import { addCompletion } from './completion.ts';
import type { Runner } from './context.ts';
import { addDaemon } from './daemon-verb.ts';
import { addDoctor } from './doctor.ts';
import { exitCodeTable } from './exit-codes.ts';
import { addInfo } from './info.ts';
import { addJobs } from './jobs.ts';
import { addNodes } from './nodes.ts';
import { addPools } from './pools.ts';
import { addSnapshots } from './snapshots.ts';
import { addVersion } from './version.ts';
import { addConvoyVerbs, addVolumes } from './volumes.ts';

/** The whole command line: every verb with its options and help. Parsing throws CommanderErrors instead of exiting. */
export function createProgram(run: Runner): Command {
  const program = new Command('convoy');
  program
    .description('volumes with snapshots on any storage, for Kubernetes and without it')
    .option('--endpoint <url>', 'socket of the daemon; default: CSI_ENDPOINT, or unix:///run/convoy/csi.sock')
    .option('--json', 'one JSON value on stdout; errors as {"code","message"} on stderr')
    .version(VERSION, '-v, --version')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  addDaemon(program);
  addInfo(program, run);
  addPools(program, run);
  addVolumes(program, run);
  addSnapshots(program, run);
  addNodes(program, run);
  addJobs(program, run);
  addDoctor(program, run);
  addCompletion(program);
  addVersion(program, run);
  addConvoyVerbs(program, run);
  program.addHelpText('afterAll', `\nExit status:\n${exitCodeHelp()}`);
  return program;
}

function exitCodeHelp(): string {
  return exitCodeTable()
    .map(({ exit, code, meaning }) => `  ${String(exit).padStart(3)}  ${code.padEnd(15)} ${meaning}`)
    .join('\n');
}
