import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { kubectl } from './kube.ts';
import { nodeDirectory } from './node-config.ts';
import { KUBERNETES_NAMESPACE, LOGS } from './paths.ts';
import { logTail } from './processes.ts';
import { readState } from './state.ts';

const LINES = 60;

/** What one looks at first when a test failed. Never throws: the failure itself is what counts. */
export async function showDiagnostics(say: (line: string) => void): Promise<void> {
  if (readState() === undefined) return;
  const answer = await ask(['get', '--raw', '/readyz']);
  if (answer.trim() === 'ok') await showObjects(say);
  else say(`\nThe API server does not answer: ${answer.trim().split('\n').at(-1)}`);
  for (const { name } of readState()?.nodes ?? []) {
    say(`\n# the kubelet of ${name}, warnings and errors`);
    say(problemsOf(`${name}-kubelet`));
  }
  for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) {
    say(`\n# ${name}, warnings and errors`);
    say(problemsOf(name));
  }
  say(`\nAll logs: ${LOGS}`);
}

async function showObjects(say: (line: string) => void): Promise<void> {
  const show = async (args: readonly string[]): Promise<void> => {
    say(`\n# kubectl ${args.join(' ')}`);
    say(await ask(args));
  };
  await show(['get', 'nodes,pods', '--all-namespaces', '--output=wide']);
  await show(['get', 'pvc,pv,volumeattributesclass,volumesnapshot,volumesnapshotcontent', '--all-namespaces']);
  await show(['get', 'events', '--all-namespaces', '--sort-by=.lastTimestamp']);
  const pods = await ask(['get', 'pods', `--namespace=${KUBERNETES_NAMESPACE}`, '--output=name']);
  for (const pod of pods.split('\n').filter((line) => line.startsWith('pod/')))
    await show(['logs', `--namespace=${KUBERNETES_NAMESPACE}`, pod, '--all-containers', '--prefix', `--tail=${LINES}`]);
}

/** The pods' logs are on the nodes' disks, which a tear-down removes. */
export function keepPodLogs(): void {
  for (const { number, name } of readState()?.nodes ?? []) {
    const pods = join(nodeDirectory(number), 'disk/var/log/pods');
    if (existsSync(pods) && readdirSync(pods).length > 0) cpSync(pods, join(LOGS, `${name}-pods`), { recursive: true, force: true });
  }
}

async function ask(args: readonly string[]): Promise<string> {
  try {
    return await kubectl(args, { timeoutMs: 15_000 });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Lines of klog that begin with W, E or F. */
const problemsOf = (name: string): string =>
  logTail(name, 4000)
    .split('\n')
    .filter((line) => /^[WEF]\d{4} /.test(line))
    .slice(-20)
    .join('\n');
