import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Log } from '../observe/log.ts';

/** A key and its certificate, PEM both. */
export interface KeyPair {
  readonly key: string;
  readonly certificate: string;
}

/** Makes a client certificate that vouches for itself. Times are epoch milliseconds. */
export type MakeClientCertificate = (request: {
  readonly purpose: 'client';
  readonly subject: string;
  /** None: it is known by itself. */
  readonly names: readonly string[];
  readonly notBefore: number;
  readonly notAfter: number;
}) => Promise<KeyPair>;

/** What the Secret holds. The certificates that agents trust follow from it alone. */
export interface IdentityState {
  /** Shown to agents. */
  readonly current: KeyPair;
  /** Will be shown once agents had the time to learn it. */
  readonly next?: KeyPair & {
    /** Epoch milliseconds since when it is known to be in the ConfigMap. */
    readonly trustedSince?: number;
  };
  /** No longer shown; still trusted for those who have not noticed. */
  readonly previous?: { readonly certificate: string; readonly replacedAt: number };
}

export interface RotationTimes {
  readonly lifetimeMs: number;
  /** How long agents get to learn of a certificate before it is used, and to forget one after. */
  readonly overlapMs: number;
}

export interface Rotation extends RotationTimes {
  readonly make: MakeClientCertificate;
  readonly now: number;
  /** PEM, as the ConfigMap has it. */
  readonly trusted: string;
  readonly log: Log;
}

/** A new certificate counts as valid since then: clocks differ. */
const BACKDATED_MS = 3_600_000;
const SUBJECT = 'convoy-csi controller';
const KEYS = {
  key: 'current.key',
  certificate: 'current.crt',
  nextKey: 'next.key',
  nextCertificate: 'next.crt',
  nextTrustedSince: 'next.trusted-since',
  previousCertificate: 'previous.crt',
  previousReplacedAt: 'previous.replaced-at',
} as const;

type Data = Readonly<Record<string, string>>;

/** PEM of all that agents must trust, as the ConfigMap has it. */
export const certificatesOf = ({ current, next, previous }: IdentityState): string =>
  [current, next, previous].flatMap((pair) => (pair === undefined ? [] : [`${pair.certificate.trim()}\n`])).join('');

/** Undefined when there is no current pair, or one that is damaged; a damaged rest is left out. */
export function parseState(data: Data, log: Log): IdentityState | undefined {
  const pair = (keyName: string, certificateName: string): KeyPair | undefined => {
    const [key, certificate] = [data[keyName], data[certificateName]];
    if (key === undefined && certificate === undefined) return undefined;
    if (key !== undefined && certificate !== undefined && belong(key, certificate)) return { key, certificate };
    log.warn({ key: keyName }, `the Secret of the controller's identity is damaged at ${keyName}; a new key is made in its place`);
    return undefined;
  };
  const current = pair(KEYS.key, KEYS.certificate);
  if (current === undefined) return undefined;
  const next = pair(KEYS.nextKey, KEYS.nextCertificate);
  const trustedSince = epoch(data[KEYS.nextTrustedSince]);
  const previous = data[KEYS.previousCertificate];
  return {
    current,
    ...(next === undefined ? {} : { next: { ...next, ...(trustedSince === undefined ? {} : { trustedSince }) } }),
    // Without a date it counts as replaced long ago.
    ...(previous === undefined || readCertificate(previous) === undefined
      ? {}
      : { previous: { certificate: previous, replacedAt: epoch(data[KEYS.previousReplacedAt]) ?? 0 } }),
  };
}

/** The Secret's data for it. Keys that the state has no value for are undefined. */
export function formatState({ current, next, previous }: IdentityState): Readonly<Record<string, string | undefined>> {
  return {
    [KEYS.key]: current.key,
    [KEYS.certificate]: current.certificate,
    [KEYS.nextKey]: next?.key,
    [KEYS.nextCertificate]: next?.certificate,
    [KEYS.nextTrustedSince]: next?.trustedSince === undefined ? undefined : new Date(next.trustedSince).toISOString(),
    [KEYS.previousCertificate]: previous?.certificate,
    [KEYS.previousReplacedAt]: previous === undefined ? undefined : new Date(previous.replacedAt).toISOString(),
  };
}

/** The state that follows; `state` itself when all is as it should be. */
export async function advance(state: IdentityState | undefined, rotation: Rotation): Promise<IdentityState> {
  if (state === undefined) return { current: await makePair(rotation) };
  const settled = settleNext(withoutPrevious(state, rotation), rotation);
  if (!validAt(settled.current.certificate, rotation.now)) return replaceExpired(settled, rotation);
  if (settled.next === undefined) return isDue(settled.current, rotation) ? { ...settled, next: await makePair(rotation) } : settled;
  return isLearnt(settled.next, rotation) ? promote(settled, settled.next, rotation) : settled;
}

/** A date in the future is of a clock that was wrong: the time is counted from now on, never cut short. */
const since = (date: number, { now }: Rotation): number => Math.max(0, now - date);
const isLearnt = (next: NonNullable<IdentityState['next']>, rotation: Rotation): boolean =>
  next.trustedSince !== undefined && since(next.trustedSince, rotation) >= rotation.overlapMs;

function withoutPrevious(state: IdentityState, rotation: Rotation): IdentityState {
  const { previous, ...rest } = state;
  if (previous === undefined) return state;
  if (previous.replacedAt > rotation.now) return { ...rest, previous: { ...previous, replacedAt: rotation.now } };
  return since(previous.replacedAt, rotation) >= rotation.overlapMs ? rest : state;
}

/** Agents' time to learn of `next` counts from when the ConfigMap was seen with it, and anew when somebody took it out. */
function settleNext(state: IdentityState, { now, trusted }: Rotation): IdentityState {
  const { next, ...rest } = state;
  if (next === undefined) return state;
  const { trustedSince, ...pair } = next;
  if (!validAt(next.certificate, now)) return rest;
  if (!trusts(trusted, next.certificate)) return trustedSince === undefined ? state : { ...rest, next: pair };
  return trustedSince === undefined || trustedSince > now ? { ...rest, next: { ...pair, trustedSince: now } } : state;
}

/** Agents refuse it already: there is nothing to lose by not waiting. */
async function replaceExpired(state: IdentityState, rotation: Rotation): Promise<IdentityState> {
  const { notBefore, notAfter } = validity(state.current.certificate);
  rotation.log.warn(
    { not_before: new Date(notBefore).toISOString(), not_after: new Date(notAfter).toISOString() },
    "the controller's certificate is not valid now, so agents refuse it: it is replaced at once, and agents follow as their kubelets refresh the ConfigMap (check this machine's clock)",
  );
  const { next } = state;
  return { current: next === undefined ? await makePair(rotation) : { key: next.key, certificate: next.certificate } };
}

const promote = (state: IdentityState, next: KeyPair, { now }: Rotation): IdentityState => ({
  current: { key: next.key, certificate: next.certificate },
  previous: { certificate: state.current.certificate, replacedAt: now },
});

function isDue({ certificate }: KeyPair, { now }: Rotation): boolean {
  const { notBefore, notAfter } = validity(certificate);
  return now >= notBefore + ((notAfter - notBefore) * 2) / 3;
}

const makePair = ({ make, now, lifetimeMs }: Rotation): Promise<KeyPair> =>
  make({ purpose: 'client', subject: SUBJECT, names: [], notBefore: now - BACKDATED_MS, notAfter: now + lifetimeMs });

function belong(key: string, certificate: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    // Neither is worth more than the other: what does not parse is damaged.
    return false;
  }
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function validity(pem: string): { readonly notBefore: number; readonly notAfter: number } {
  const { validFromDate, validToDate } = new X509Certificate(pem);
  return { notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() };
}

function validAt(pem: string, now: number): boolean {
  const { notBefore, notAfter } = validity(pem);
  return notBefore <= now && now < notAfter;
}

/** Whether a text of many certificates has this one. */
function trusts(trusted: string, pem: string): boolean {
  const { fingerprint256 } = new X509Certificate(pem);
  const found = trusted.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return found.some((one) => readCertificate(one)?.fingerprint256 === fingerprint256);
}

function epoch(text: string | undefined): number | undefined {
  const parsed = Date.parse(text ?? '');
  return Number.isNaN(parsed) ? undefined : parsed;
}
