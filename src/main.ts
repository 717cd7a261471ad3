/** The program's entry. The daemon's start path loads no CLI library, the commands load no server. */
const [verb, ...rest] = process.argv.slice(2);
const wantsHelp = rest.some((argument) => argument === '--help' || argument === '-h');

// A reader that has enough (`convoy volumes list | head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

if (verb === 'daemon' && !wantsHelp) {
  const { runDaemon } = await import('./roles/daemon.ts');
  process.exit(await runDaemon(rest));
} else {
  const { runCli } = await import('./cli/run.ts');
  process.exitCode = await runCli(process.argv.slice(2));
}
