import { REDACTION } from './gen/redaction.ts';

/**
 * By message, what must not be logged (made from the csi_secret option, scripts/generate.ts): `secret` fields are
 * replaced, `context` ones lose the kubelet's tokens, the others are messages that hold such fields.
 */
export type RedactionTable = Readonly<Record<string, Readonly<Record<string, 'secret' | 'context' | { readonly message: string }>>>>;

export const STRIPPED = '***stripped***';

/** The kubelet puts service account tokens under this key of volume_context (CSIDriver.spec.tokenRequests). */
const TOKEN_KEY = 'csi.storage.k8s.io/serviceAccount.tokens';

/** A copy of a message that may be logged. The message itself is in use and is left as it is; parts without secrets are shared. */
export function redact(message: string, value: object): object {
  const rules = REDACTION[message];
  if (rules === undefined) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, redactField(Object.hasOwn(rules, key) ? rules[key] : undefined, field)]),
  );
}

/**
 * Every secret text of a message, so that it can be struck out of an error's text. Of a mount flag only what is behind
 * `=`: the name has to be told to be mended. Texts of three characters or fewer are no secrets and would mangle messages.
 */
export function secretTexts(message: string, value: object): readonly string[] {
  const texts = collect(message, value);
  // The longest first: one secret may be part of another.
  return texts.filter((text) => text.length > 3).sort((a, b) => b.length - a.length);
}

export function strikeOut(text: string, secrets: readonly string[]): string {
  return secrets.reduce((struck, secret) => struck.replaceAll(secret, STRIPPED), text);
}

function redactField(rule: RedactionTable[string][string] | undefined, field: unknown): unknown {
  if (rule === undefined || field === null || field === undefined) return field;
  if (rule === 'secret') return STRIPPED;
  if (rule === 'context') return isObject(field) ? withoutTokens(field) : field;
  if (Array.isArray(field)) return field.map((item: unknown) => (isObject(item) ? redact(rule.message, item) : item));
  return isObject(field) ? redact(rule.message, field) : field;
}

function withoutTokens(context: object): object {
  return Object.fromEntries(Object.entries(context).map(([key, value]) => [key, key === TOKEN_KEY ? STRIPPED : value]));
}

function collect(message: string, value: object): readonly string[] {
  const rules = REDACTION[message] ?? {};
  return Object.entries(value).flatMap(([key, field]: [string, unknown]) => {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (rule === undefined || !isObject(field)) return [];
    if (typeof rule === 'string') return sensitive(rule, key, field);
    return [field].flat().flatMap((item: unknown) => (isObject(item) ? collect(rule.message, item) : []));
  });
}

function sensitive(rule: 'secret' | 'context', key: string, field: object): readonly string[] {
  const entries = Object.entries(field).map(([name, text]) => [name, String(text)] as const);
  if (rule === 'context') return entries.filter(([name]) => name === TOKEN_KEY).map(([, text]) => text);
  return entries.map(([, text]) => (key === 'mountFlags' ? behindEquals(text) : text));
}

const behindEquals = (flag: string): string => (flag.includes('=') ? flag.slice(flag.indexOf('=') + 1) : '');
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
