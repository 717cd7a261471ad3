import { passSignalsOn, runCommand } from './lib/run-command.ts';

/** Format, lint, import boundaries and types: cheap first. All of them run, so that one call shows all there is to mend. */
const STEPS = [
  { what: 'format, syntactic lint and import boundaries', command: 'biome', args: ['ci', '--error-on-warnings'] },
  { what: 'type-aware lint', command: 'oxlint', args: ['--type-aware', '--deny-warnings'] },
  { what: 'types', command: 'tsc', args: ['-p', '.'] },
] as const;

passSignalsOn();
let failed = 0;
for (const { what, command, args } of STEPS) {
  process.stdout.write(`\n# ${what}: ${command} ${args.join(' ')}\n`);
  const { code } = await runCommand(`node_modules/.bin/${command}`, args);
  if (code !== 0) failed += 1;
}
process.stdout.write(`\n${STEPS.length - failed} passed, ${failed} failed, 0 skipped\n`);
process.exitCode = failed === 0 ? 0 : 1;
