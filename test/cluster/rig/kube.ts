import { join } from 'node:path';
import { BIN, KUBECONFIG, RUN } from './paths.ts';
import { type RunOptions, run } from './shell.ts';

const HELM = join(RUN, 'helm');

/** kubectl of the cluster's own version, as its admin. Rejects with what kubectl said. */
export async function kubectl(args: readonly string[], options: RunOptions = {}): Promise<string> {
  return await run(join(BIN, 'kubectl'), [`--kubeconfig=${KUBECONFIG}`, `--cache-dir=${join(RUN, 'kubectl')}`, ...args], options);
}

/** `kubectl apply`, of YAML with one or more documents. */
export async function apply(yaml: string): Promise<string> {
  return await kubectl(['apply', '-f', '-'], { input: yaml });
}

export async function helm(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const homes = { HELM_CACHE_HOME: HELM, HELM_CONFIG_HOME: HELM, HELM_DATA_HOME: HELM };
  return await run(join(BIN, 'helm'), [`--kubeconfig=${KUBECONFIG}`, ...args], { ...options, env: { ...homes, ...options.env } });
}
