/** A quantity of Kubernetes (`10Gi`, `1500M`, `1e9`, `128974848000m`) in whole units, rounded up; undefined when it is none. */
export function parseQuantity(text: string): bigint | undefined {
  const [, whole = '', fraction = '', suffix = ''] =
    /^\+?(\d{0,30})(?:\.(\d{0,18}))?([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,2})?$/.exec(text) ?? [];
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(whole + fraction);
  const [numerator, denominator] = factorOf(suffix);
  const divisor = denominator * 10n ** BigInt(fraction.length);
  return (digits * numerator + divisor - 1n) / divisor;
}

const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

function factorOf(suffix: string): readonly [bigint, bigint] {
  if (suffix.endsWith('i')) return [1n << BigInt(10 * ('KMGTPE'.indexOf(suffix.charAt(0)) + 1)), 1n];
  const exponent = DECIMAL[suffix] ?? Number(suffix.slice(1));
  return exponent >= 0 ? [10n ** BigInt(exponent), 1n] : [1n, 10n ** BigInt(-exponent)];
}
