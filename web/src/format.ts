// Numbers, money and time for people. Money never becomes a floating-point number on its way to the screen.

// ISO 4217 minor units that are not 2. Held against the server's table by a test.
const NOT_TWO: readonly [exponent: number, currencies: string][] = [
  [0, 'bif clp djf gnf isk jpy kmf krw pyg rwf ugx vnd vuv xaf xof xpf'],
  [3, 'bhd iqd jod kwd lyd omr tnd'],
  [4, 'clf'],
];
const exponents = new Map(
  NOT_TWO.flatMap(([exponent, currencies]) => currencies.split(' ').map((code) => [code, exponent])),
);

export function exponentOf(currency: string): number {
  return exponents.get(currency.toLowerCase()) ?? 2;
}

// 1234, 2 -> "12.34"; exact.
export function toDecimal(minor: number | bigint, exponent: number): string {
  const value = BigInt(minor);
  const digits = (value < 0n ? -value : value).toString().padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  const part = exponent > 0 ? `.${digits.slice(-exponent)}` : '';
  return `${value < 0n ? '-' : ''}${whole}${part}`;
}

// What a person typed ("12,34", "12.3", "1200") as minor units; null: not an amount of this currency.
// Grouping marks are refused, since "1.234" would be a guess.
export function fromTyped(text: string, currency: string): number | null {
  const exponent = exponentOf(currency);
  const match = /^(\d{1,12})(?:[.,](\d*))?$/.exec(text.trim());
  if (!match) return null;
  const part = match[2] ?? '';
  if (part.length > exponent) return null;
  const minor = Number((match[1] ?? '') + part.padEnd(exponent, '0'));
  return Number.isSafeInteger(minor) ? minor : null;
}

function cached<Options, Format>(make: (locale: string, options: Options) => Format) {
  const formats = new Map<string, Format>();
  return (locale: string, options: Options): Format => {
    const key = locale + JSON.stringify(options);
    let format = formats.get(key);
    if (!format) {
      format = make(locale, options);
      formats.set(key, format);
    }
    return format;
  };
}
const numberFormat = cached(
  (locale: string, options: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, options),
);
const timeFormat = cached(
  (locale: string, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options),
);
const relativeFormat = cached(
  (locale: string, options: Intl.RelativeTimeFormatOptions) => new Intl.RelativeTimeFormat(locale, options),
);

export function formatMoney(minor: number | bigint, currency: string, locale: string): string {
  const exponent = exponentOf(currency);
  const decimal = toDecimal(minor, exponent) as Intl.StringNumericLiteral;
  return numberFormat(locale, {
    style: 'currency',
    currency: currency.toUpperCase(),
    currencyDisplay: 'narrowSymbol',
    minimumFractionDigits: exponent,
    maximumFractionDigits: exponent,
  }).format(decimal);
}

// For axes: "€1.2K". An approximation, never shown as an amount.
export function formatMoneyCompact(minor: number, currency: string, locale: string): string {
  return numberFormat(locale, {
    style: 'currency',
    currency: currency.toUpperCase(),
    currencyDisplay: 'narrowSymbol',
    notation: 'compact',
    maximumFractionDigits: 1,
    minimumFractionDigits: 0,
  }).format(minor / 10 ** exponentOf(currency));
}

export function formatCount(value: number, locale: string): string {
  return numberFormat(locale, { maximumFractionDigits: 0 }).format(value);
}

export function formatCountCompact(value: number, locale: string): string {
  return numberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 }).format(value);
}

// Basis points: 9731 -> "97.3%"; null: an en dash. Rounded down, so that 100 % means all of them.
export function formatRate(basisPoints: number | null, locale: string): string {
  if (basisPoints === null) return '–';
  return numberFormat(locale, {
    style: 'percent',
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  }).format(Math.floor(basisPoints / 10) / 1000);
}

export function formatBytes(bytes: number, locale: string): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return numberFormat(locale, {
    style: 'unit',
    unit: units[unit] ?? 'byte',
    unitDisplay: 'short',
    maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0,
  }).format(value);
}

// "3 days 4 hr", "12 min": the two largest units.
export function formatDuration(ms: number, locale: string): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const units: [number, 'day' | 'hour' | 'minute' | 'second'][] = [
    [Math.floor(seconds / 86400), 'day'],
    [Math.floor(seconds / 3600) % 24, 'hour'],
    [Math.floor(seconds / 60) % 60, 'minute'],
    [seconds % 60, 'second'],
  ];
  const first = units.findIndex(([count]) => count > 0);
  const shown = first < 0 ? units.slice(3) : units.slice(first, first + 2).filter(([count]) => count > 0);
  return shown
    .map(([count, unit]) => numberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }).format(count))
    .join(' ');
}

export function formatTime(ms: number, locale: string, timeZone?: string): string {
  return timeFormat(locale, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    ...(timeZone ? { timeZone } : {}),
  }).format(ms);
}

export function formatTimeExact(ms: number, locale: string, timeZone?: string): string {
  return timeFormat(locale, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    timeZoneName: 'short',
    ...(timeZone ? { timeZone } : {}),
  }).format(ms);
}

export function formatHour(ms: number, locale: string, timeZone?: string): string {
  return timeFormat(locale, { hour: '2-digit', minute: '2-digit', ...(timeZone ? { timeZone } : {}) }).format(
    ms,
  );
}

export function formatDay(ms: number, locale: string, timeZone?: string): string {
  return timeFormat(locale, { month: 'short', day: 'numeric', ...(timeZone ? { timeZone } : {}) }).format(ms);
}

const RELATIVE_STEPS: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, 'second'],
  [60, 'minute'],
  [24, 'hour'],
  [7, 'day'],
];

// "3 minutes ago", "in 20 seconds"; further than a week away: the date.
export function formatRelative(ms: number, nowMs: number, locale: string): string {
  let value = Math.trunc((ms - nowMs) / 1000);
  for (const [size, unit] of RELATIVE_STEPS) {
    if (Math.abs(value) < size) return relativeFormat(locale, { numeric: 'auto' }).format(value, unit);
    value = Math.trunc(value / size);
  }
  return formatTime(ms, locale);
}

export function currencyName(currency: string, locale: string): string {
  const code = currency.toUpperCase();
  return new Intl.DisplayNames([locale], { type: 'currency', fallback: 'code' }).of(code) ?? code;
}
