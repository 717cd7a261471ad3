import type { Command } from 'commander';
import { parseDuration } from '../config/duration.ts';
import type { Context, Runner } from './context.ts';
import { dateOf, nodeShape, orphansShape } from './shapes.ts';
import { formatBytes, formatDuration } from './units.ts';

/** What a controller is asked: these verbs need its socket. */
export function addNodes(program: Command, run: Runner): void {
  const nodes = program.command('node').alias('nodes').description("the cluster's nodes, as the controller sees them");
  nodes.command('list').alias('ls').description('all nodes, their pools and what is wrong with them').action(run(list));
  nodes
    .command('forget')
    .description('a node will not come back: release what was on it. Its data is lost to the cluster; nothing on the node is deleted')
    .argument('<node>')
    .option('--force', 'although the node still answers, or Kubernetes still counts it as ready')
    .action(run(forget));
  nodes.command('readmit').description('a node that was forgotten is back: use it again').argument('<node>').action(run(readmit));
  program
    .command('orphans')
    .description('volumes that no PersistentVolume names, and PersistentVolumes whose volume does not exist')
    .option('--min-age <duration>', 'leave out what is younger, since it may be in the making', '5m')
    .action(run(orphans));
}

async function list({ client, out }: Context): Promise<void> {
  const { nodes } = await client.call('ListNodes', {});
  out.answer(nodes.map(nodeShape), (lines) => {
    if (nodes.length === 0) return lines.line('no nodes: no agent has been found yet');
    lines.table(
      ['NODE', 'STATE', 'ADDRESS', 'VERSION', 'POOLS'],
      nodes.map(({ name, state, address, version, pools }) => [
        name,
        state,
        address,
        version,
        pools.map((pool) => `${pool.name}${pool.open ? '' : ' (unavailable)'}`).join(', '),
      ]),
    );
    for (const { name, reason, pools } of nodes) {
      if (reason !== '') lines.line(`\n${name}: ${reason}`);
      for (const pool of pools) if (!pool.open) lines.line(`\n${name}, pool ${pool.name}: ${pool.reason}`);
    }
  });
}

async function forget({ client, out }: Context, [node]: readonly [string], options: { readonly force?: boolean }): Promise<void> {
  const answer = await client.call('ForgetNode', { node, force: options.force === true });
  out.answer({ node: answer.node, nodeUid: answer.nodeUid === '' ? null : answer.nodeUid }, (lines) =>
    lines.line(`${answer.node} is declared gone: what was on it is released. If it comes back: convoy node readmit ${answer.node}`),
  );
}

async function readmit({ client, out }: Context, [node]: readonly [string]): Promise<void> {
  await client.call('ReadmitNode', { node });
  out.answer({ node }, (lines) =>
    lines.line(`${node} is used again. Volumes on it that were released meanwhile are listed by "convoy orphans"`),
  );
}

async function orphans({ client, out }: Context, _args: readonly [], options: { readonly minAge: string }): Promise<void> {
  const answer = await client.call('ListOrphans', { minAgeMs: String(parseDuration('--min-age', options.minAge)) });
  out.answer(orphansShape(answer), (lines) => {
    const age = (created: Parameters<typeof dateOf>[0]): string => {
      const date = dateOf(created);
      return date === undefined ? '?' : formatDuration(Date.now() - date.getTime());
    };
    if (answer.orphans.length === 0) lines.line('every volume has its PersistentVolume');
    else
      lines.table(
        ['VOLUME', 'NODE', 'POOL', 'NAME', 'SIZE', 'AGE'],
        answer.orphans.map((orphan) => [
          orphan.id,
          orphan.node,
          orphan.pool,
          orphan.name,
          formatBytes(BigInt(orphan.sizeBytes)),
          age(orphan.createdAt),
        ]),
      );
    if (answer.lost.length > 0) {
      lines.line('\nPersistentVolumes whose volume does not exist:');
      lines.table(
        ['PERSISTENTVOLUME', 'CLAIM', 'PHASE', 'SIZE', 'AGE', 'VOLUME'],
        answer.lost.map((lost) => [
          lost.persistentVolume,
          lost.claim,
          lost.phase,
          formatBytes(BigInt(lost.sizeBytes)),
          age(lost.createdAt),
          lost.volumeId,
        ]),
      );
    }
    for (const { node, reason } of answer.silent) lines.line(`\n${node} could not be asked, what is on it is not listed: ${reason}`);
  });
}
