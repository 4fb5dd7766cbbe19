// Axes turn numbers into pixels: each has at(v), ticks and, for names, the text under the pointer.

// round returns about so many round numbers from low to high.
function round(low, high, count) {
  const rough = (high - low) / Math.max(1, count), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough * 0.8);
  const out = [], digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-6; i++) out.push({at: i * step, name: (i * step).toFixed(digits)});
  return out;
}

// decades returns 1, 2 and 5 times the powers of ten, or the powers alone where these are many.
function decades(low, high) {
  const out = [], many = Math.log10(high / low) > 4;
  for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++)
    for (const m of many ? [1] : [1, 2, 5]) {
      const v = m * 10 ** e;
      if (v >= low * 0.999 && v <= high * 1.001) out.push({at: v, name: v < 0.001 || v >= 1e5 ? v.toExponential(0) : String(Number(v.toPrecision(3)))});
    }
  return out;
}

// extent is the least and the greatest of numbers, of those above 0 for a logarithm.
function extent(values, log) {
  let low = Infinity, high = -Infinity;
  for (const v of values) if (known(v) && (!log || v > 0)) { low = Math.min(low, v); high = Math.max(high, v); }
  return low > high ? [log ? 1 : 0, log ? 10 : 1] : [low, high];
}

// scaled is an axis of numbers over the pixels from a to b.
function scaled(spec, values, a, b, count) {
  let [low, high] = extent(values, spec.log);
  if (spec.log) { low /= 1.25; high *= 1.25; }
  else {
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    low = known(spec.low) ? Math.min(spec.low, low) : low - room;
    high = known(spec.high) ? Math.max(high, Math.min(spec.high, high + room)) : high + room;
  }
  const f = spec.log ? Math.log : v => v, from = f(low), to = f(high);
  const ticks = (spec.ticks || (spec.log ? decades(low, high) : round(low, high, count))).filter(t => t.at >= low - 1e-9 && t.at <= high + 1e-9);
  return {low, high, ticks, at: v => a + (f(v) - from) / (to - from) * (b - a)};
}

// named is an axis of names; as many are written as stay apart, counted from the last.
function named(spec, a, b, apart, inset) {
  const n = spec.names.length, first = a + inset, step = n > 1 ? (b - a - 2 * inset) / (n - 1) : 0;
  const every = Math.max(1, Math.ceil(apart * n / Math.max(1, b - a)));
  const at = v => n > 1 ? first + v * step : (a + b) / 2;
  const ticks = spec.names.map((name, i) => ({at: i, name})).filter((_, i) => (n - 1 - i) % every === 0);
  return {low: 0, high: n - 1, ticks, at, names: spec.full || spec.names};
}
