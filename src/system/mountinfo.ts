import type { MountEntry } from './api.ts';

/** Parses /proc/self/mountinfo (proc_pid_mountinfo(5)). Lines that do not have its shape are an error, never skipped. */
export function parseMountinfo(table: Buffer): MountEntry[] {
  const entries: MountEntry[] = [];
  // Every byte that could be mistaken for a separator is written as an octal escape, so latin1 splits safely.
  for (const line of table.toString('latin1').split('\n')) if (line !== '') entries.push(parseLine(line));
  return entries;
}

/** The topmost mount exactly at `target`: where several are stacked, the one that carries no other. */
export function findTopmost(table: Buffer, target: string): MountEntry | undefined {
  // With thousands of mounts, parsing only the lines that hold the target keeps this cheap.
  const needle = Buffer.from(` ${encodeField(target)} `, 'latin1');
  const found: MountEntry[] = [];
  for (let at = table.indexOf(needle); at !== -1; ) {
    const start = table.lastIndexOf(10, at) + 1;
    const newline = table.indexOf(10, at);
    const end = newline === -1 ? table.length : newline;
    const entry = parseLine(table.toString('latin1', start, end));
    if (entry.target === target) found.push(entry);
    at = table.indexOf(needle, end);
  }
  const carrying = new Set(found.map((entry) => entry.parentId));
  return found.findLast((entry) => !carrying.has(entry.id)) ?? found.at(-1);
}

function parseLine(line: string): MountEntry {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const [id, parentId, device, root, target, options] = fields;
  const [fsType, source, superOptions] = separator === -1 ? [] : fields.slice(separator + 1);
  if (
    device === undefined ||
    root === undefined ||
    target === undefined ||
    options === undefined ||
    fsType === undefined ||
    source === undefined
  )
    throw new Error(`/proc/self/mountinfo has a line of an unknown shape: ${JSON.stringify(line.slice(0, 200))}`);
  return {
    id: Number(id),
    parentId: Number(parentId),
    device,
    root: decodeField(root),
    target: decodeField(target),
    options: decodeField(options).split(','),
    propagation: fields.slice(6, separator),
    fsType: decodeField(fsType),
    source: decodeField(source),
    superOptions: decodeField(superOptions ?? '').split(','),
  };
}

/** Octal escapes to bytes, bytes to UTF-8. */
function decodeField(field: string): string {
  const bytes = field.includes('\\')
    ? field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8) & 0xff))
    : field;
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** As the kernel escapes a target: blank, tab, newline and backslash (fs/proc_namespace.c, mangle). */
function encodeField(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
