import { invalid } from '../convoy/errors.ts';
import { topologyKey } from '../convoy/names.ts';
import type { Segments } from '../pool/api.ts';
import type { Role } from './config.ts';

/**
 * Topology: keys and values that become labels of nodes, and node affinities of PersistentVolumes. What both Kubernetes (labels)
 * and CSI (csi.proto, Topology) allow; but for CSI's one prefix for all keys, since what is told here are the cluster's own labels
 * (topology.kubernetes.io/zone). InvalidArgument names field, key and value.
 */

/** What a part of a key, and a value, is. */
const NAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const PREFIX_LENGTH = 63;
/** They are part of every volume that is listed, and a page of them must fit into one message (csi/paging.ts). */
const MOST_KEYS = 8;
const MOST_BYTES = 200;
const NAMED = 'up to 63 letters, digits, -, _ and ., beginning and ending with a letter or digit';

/** The config file's `topology` and CONVOY_TOPOLOGY together. */
export function parseTopology(role: Role, inFile: Segments | undefined, env: string | undefined, driverName: string): Segments {
  const fromFile = checkSegments('topology', inFile ?? {}, driverName);
  const fromEnv = checkSegments('CONVOY_TOPOLOGY', parseList(env ?? ''), driverName);
  for (const [key, value] of Object.entries(fromEnv))
    if (Object.hasOwn(fromFile, key) && fromFile[key] !== value)
      throw invalid(
        `topology[${quote(key)}] is ${quote(fromFile[key] ?? '')} in the config file and ${quote(value)} in CONVOY_TOPOLOGY: give it once`,
      );
  const both = checkSegments('topology', { ...fromFile, ...fromEnv }, driverName);
  const [first] = Object.keys(both);
  if (role === 'controller' && first !== undefined)
    throw invalid(
      `topology has the key ${quote(first)}; role controller has none, since it says where a node is: leave topology and CONVOY_TOPOLOGY to the nodes (where a global pool is reached from: pools[].segments)`,
    );
  return both;
}

/** The same map, proven. */
export function checkSegments(field: string, segments: Segments, driverName: string): Segments {
  let bytes = 0;
  const spelled = new Map<string, string>();
  for (const [key, value] of Object.entries(segments)) {
    const where = `${field}[${quote(key)}] is ${quote(value)}`;
    if (!isKey(key))
      throw invalid(`${where}; allowed as its key is ${NAMED}, after a lower-case domain name of up to 63 and "/" if need be`);
    if (!NAME.test(value)) throw invalid(`${where}; allowed as the value of a node's label are ${NAMED}`);
    if (key.toLowerCase() === topologyKey(driverName).toLowerCase())
      throw invalid(`${where}; that key is the driver's own, which tells the node by itself: leave it out`);
    const other = spelled.get(key.toLowerCase());
    if (other !== undefined) throw invalid(`${field} has the keys ${quote(other)} and ${quote(key)}; allowed is one of them`);
    spelled.set(key.toLowerCase(), key);
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (spelled.size > MOST_KEYS || bytes > MOST_BYTES)
    throw invalid(
      `${field} has ${spelled.size} keys, of ${bytes} bytes together with their values; allowed are at most ${MOST_KEYS}, of ${MOST_BYTES}`,
    );
  return segments;
}

/** `key=value,key=value`. A label that the node has not comes as an empty value, and is left out. */
function parseList(text: string): Segments {
  const found = new Map<string, string>();
  for (const entry of text.split(',').map((each) => each.trim())) {
    if (entry === '') continue;
    const [, key, value] = /^([^=]*)=(.*)$/s.exec(entry)?.map((part) => part.trim()) ?? [];
    if (key === undefined || value === undefined)
      throw invalid(
        `CONVOY_TOPOLOGY has the entry ${quote(entry)}; allowed are KEY=VALUE,KEY=VALUE, such as topology.kubernetes.io/zone=a`,
      );
    if (value === '') continue;
    const before = found.get(key);
    if (before !== undefined && before !== value)
      throw invalid(`CONVOY_TOPOLOGY has ${quote(key)} twice, as ${quote(before)} and ${quote(value)}: give it once`);
    found.set(key, value);
  }
  return Object.fromEntries(found);
}

function isKey(key: string): boolean {
  const slash = key.indexOf('/');
  const prefix = key.slice(0, Math.max(slash, 0));
  if (!NAME.test(key.slice(slash + 1))) return false;
  return slash === -1 || (prefix.length <= PREFIX_LENGTH && prefix.split('.').every((label) => LABEL.test(label)));
}

const quote = (text: string): string => JSON.stringify(text.length > 128 ? `${text.slice(0, 128)}…` : text);
