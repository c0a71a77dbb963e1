/** Quantiles of the beta distribution, of which intervals of proportions are made. */

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln Γ(x), x > 0.5; to about 15 digits (Lanczos 1964, with g = 7 and nine terms). */
function lnGamma(x: number): number {
  const t = x + 6.5;
  const sum = LANCZOS.reduce((total, term, i) => total + (i === 0 ? term : term / (x - 1 + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

const STEPS = 500;
const TINY = 1e-300;

/** The continued fraction of the incomplete beta function, by the method of Lentz (DLMF 8.17.22). */
function fraction(a: number, b: number, x: number): number {
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1) || TINY);
  let value = d;
  for (let m = 1; m <= STEPS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    for (const term of [even, odd]) {
      d = 1 / (1 + term * d || TINY);
      c = 1 + term / c || TINY;
      value *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return value;
}

/** Logarithm of x^a (1 − x)^b / B(a, b). */
const logFront = (x: number, a: number, b: number): number =>
  lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log1p(-x);

/** Share of the distribution Beta(a, b) below x; a and b at least 0.5. */
export function betaBelow(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logFront(x, a, b));
  return x < (a + 1) / (a + b + 2) ? (front * fraction(a, b, x)) / a : 1 - (front * fraction(b, a, 1 - x)) / b;
}

const ACCURATE = 1e-14;

/** The value below which a share of the distribution Beta(a, b) lies: Newton's steps, halving where these lead astray. */
export function betaQuantile(share: number, a: number, b: number): number {
  let [low, high] = [0, 1];
  let x = a / (a + b);
  for (;;) {
    const off = betaBelow(x, a, b) - share;
    if (off < 0) low = x;
    else high = x;
    const step = off * Math.exp(Math.log(x) + Math.log1p(-x) - logFront(x, a, b));
    const next = x - step > low && x - step < high ? x - step : (low + high) / 2;
    if (Math.abs(next - x) <= ACCURATE * x || next === low || next === high) return next;
    x = next;
  }
}
