import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bringUp } from '../test/cluster/rig/bring-up.ts';
import { reloadOwnImage } from '../test/cluster/rig/chart.ts';
import { kubectl } from '../test/cluster/rig/kube.ts';
import { tearDownOnSignals } from '../test/cluster/rig/on-signals.ts';
import { BIN, KUBECONFIG, KUBERNETES_NAMESPACE, LOGS, nodeName } from '../test/cluster/rig/paths.ts';
import { readState, requireState } from '../test/cluster/rig/state.ts';
import { leftovers, tearDown } from '../test/cluster/rig/teardown.ts';

/** `npm run cluster`: a real cluster with the project's chart on it, for a person. `-- down` ends it, `-- status` tells of it. */
const USAGE = `usage: npm run cluster                    bring it up (3 nodes, the chart with its defaults) and leave it running
       npm run cluster -- up --nodes 2    another number of nodes
       npm run cluster -- up --no-chart   without the project's image and chart
       npm run cluster -- up --keep       keep what is up when something fails, to look at it
       npm run cluster -- up --values F   with a values file for the chart
       npm run cluster -- reload          build the image anew and restart the chart's pods on it
       npm run cluster -- status
       npm run cluster -- down
`;

const COMMANDS: Readonly<Record<string, () => Promise<void>>> = { up, reload, down, status };

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const { values, positionals } = parseArguments();
const command = COMMANDS[positionals[0] ?? 'up'];
if (command === undefined || positionals.length > 1) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  try {
    await command();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

async function up(): Promise<void> {
  tearDownOnSignals();
  const started = performance.now();
  await bringUp({
    purpose: 'person',
    nodes: Number(values.nodes ?? 3),
    chart: values['no-chart'] === true ? false : values.values === undefined ? '' : readFileSync(values.values, 'utf8'),
    keepOnFailure: values.keep === true,
  });
  say(`\nThe cluster is up, after ${((performance.now() - started) / 1000).toFixed(0)} s. In your shell:\n`);
  say(`  export KUBECONFIG=${KUBECONFIG}`);
  say(`  export PATH=${BIN}:$PATH`);
  say('  kubectl get nodes,storageclasses\n');
  say(`Into a node: nsenter -t PID -m -p -n -u (npm run cluster -- status tells the PIDs). Logs: ${LOGS}`);
  say('To end it: npm run cluster -- down');
}

async function reload(): Promise<void> {
  requireState();
  await reloadOwnImage();
  say(await kubectl(['get', 'pods', `--namespace=${KUBERNETES_NAMESPACE}`, '--output=wide']));
}

async function down(): Promise<void> {
  const nothing = readState() === undefined && (await leftovers()).length === 0;
  const started = performance.now();
  await tearDown();
  say(nothing ? 'No cluster was up.' : `The cluster is gone, after ${((performance.now() - started) / 1000).toFixed(1)} s.`);
}

async function status(): Promise<void> {
  const state = readState();
  if (state === undefined) {
    const left = await leftovers();
    say(left.length === 0 ? 'No cluster is up.' : `No cluster is up, but left over (npm run cluster -- down): ${left.join('; ')}`);
    return;
  }
  for (const { number, address, init } of state.nodes)
    say(`${nodeName(number)}  ${address}  ${init === undefined ? 'stopped' : `process ${init.pid}`}`);
  say(`\nexport KUBECONFIG=${KUBECONFIG} PATH=${BIN}:$PATH\n`);
  say(await kubectl(['get', 'nodes,pods', '--all-namespaces', '--output=wide'], { timeoutMs: 10_000 }));
}

function parseArguments(): { values: { nodes?: string; values?: string; keep?: boolean; 'no-chart'?: boolean }; positionals: string[] } {
  const flag = { type: 'boolean' } as const;
  const text = { type: 'string' } as const;
  try {
    return parseArgs({ allowPositionals: true, options: { nodes: text, values: text, keep: flag, 'no-chart': flag } });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
