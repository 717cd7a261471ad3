import type protobuf from 'protobufjs';

/** Reflected proto files, cut down to what a server needs (scripts/generate.ts). */

interface JsonNamespace {
  readonly nested: Record<string, JsonNamespace | object>;
}

/**
 * The JSON descriptor of some services and every message and enum that they reach, without comments, options,
 * reserved numbers and extensions. What remains decides the bytes on the wire.
 */
export function trimmedDescriptor(root: protobuf.Root, services: readonly string[]): JsonNamespace {
  const top: JsonNamespace = { nested: {} };
  for (const name of [...reachableTypes(root, services), ...services].sort()) {
    const parts = name.split('.');
    const last = parts.pop() ?? '';
    let at = top;
    for (const part of parts) {
      at.nested[part] ??= { nested: {} };
      at = at.nested[part] as JsonNamespace;
    }
    at.nested[last] = stripped(root.lookup(name)?.toJSON() ?? {}) as object;
  }
  return top;
}

/** What is done to a field before a message is logged: see `RedactionTable` in src/csi/redact.ts. */
type Rule = 'secret' | 'context' | { readonly message: string };
type Table = Record<string, Record<string, Rule>>;

/**
 * By message, the fields that must not be logged: those with the csi_secret option, `mount_flags` (which "MAY contain
 * sensitive data", csi.proto) and `volume_context` (the kubelet puts service account tokens into it), and the fields
 * through which such a message is reached.
 */
export function redactionTable(root: protobuf.Root, services: readonly string[]): Table {
  const table: Table = {};
  const visiting = new Set<string>();
  const visit = (type: protobuf.Type): boolean => {
    const name = nameOf(type);
    if (visiting.has(name)) return table[name] !== undefined;
    visiting.add(name);
    for (const field of type.fieldsArray) {
      const rule =
        ruleOf(field) ?? (isMessage(field.resolvedType) && visit(field.resolvedType) ? { message: nameOf(field.resolvedType) } : undefined);
      if (rule !== undefined) table[name] = { ...table[name], [field.name]: rule };
    }
    return table[name] !== undefined;
  };
  for (const service of services) {
    for (const method of root.lookupService(service).methodsArray) {
      for (const type of [method.resolvedRequestType, method.resolvedResponseType]) if (type !== null) visit(type);
    }
  }
  return Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function ruleOf(field: protobuf.Field): Rule | undefined {
  if (field.options?.['(csi_secret)'] === true || field.name === 'mountFlags') return 'secret';
  return field.name === 'volumeContext' ? 'context' : undefined;
}

/** Full names of the outermost messages and enums that the services' messages use. */
function reachableTypes(root: protobuf.Root, services: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (type: protobuf.Type | protobuf.Enum): void => {
    const outer = outermost(type);
    if (found.has(nameOf(outer))) return;
    found.add(nameOf(outer));
    if (isMessage(outer)) for (const used of usedBy(outer)) visit(used);
  };
  for (const service of services) {
    for (const method of root.lookupService(service).methodsArray) {
      for (const type of [method.resolvedRequestType, method.resolvedResponseType]) if (type !== null) visit(type);
    }
  }
  return found;
}

/** Types of the fields of a message and of the messages nested in it. */
function usedBy(type: protobuf.Type): readonly (protobuf.Type | protobuf.Enum)[] {
  const own = type.fieldsArray.flatMap((field) => field.resolvedType ?? []);
  return [...own, ...type.nestedArray.flatMap((nested) => (isMessage(nested) ? usedBy(nested) : []))];
}

function outermost(type: protobuf.ReflectionObject): protobuf.ReflectionObject & (protobuf.Type | protobuf.Enum) {
  const { parent } = type;
  return (isMessage(parent) ? outermost(parent) : type) as protobuf.Type | protobuf.Enum;
}

const DROPPED: ReadonlySet<string> = new Set(['options', 'parsedOptions', 'reserved', 'comment', 'comments', 'extensions']);

function stripped(value: unknown, named = false): unknown {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  const kept: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    // Directly below `fields`, `values`, `nested`, `oneofs` and `methods` the keys are names from the proto file.
    if (!named && DROPPED.has(key)) continue;
    if (inner !== undefined) kept[key] = stripped(inner, !named && NAMES.has(key));
  }
  return kept;
}

const NAMES: ReadonlySet<string> = new Set(['fields', 'values', 'nested', 'oneofs', 'methods']);

const isMessage = (object: unknown): object is protobuf.Type => object !== null && typeof object === 'object' && 'fieldsArray' in object;
const nameOf = (object: protobuf.ReflectionObject): string => object.fullName.replace(/^\./, '');
