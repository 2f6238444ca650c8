/** One example: the features it has, with their values, whether it is so, and how much it counts. */
export type Example = {
  indexes: readonly number[];
  /** Of the same length; null: every value is 1. */
  values: readonly number[] | null;
  label: boolean;
  weight: number;
};

/** Steps remembered by L-BFGS. */
const MEMORY = 8;
const MAX_STEPS = 80;
/** The search ends when a step lowers the loss by less than this share of it. */
const TOLERANCE = 1e-5;

/**
 * Logistic regression with an L2 penalty, by L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.4) with a
 * backtracking line search. Nothing in it is drawn by lot: the same examples always give the same weights.
 * @param penalty of each weight's square; its length is the number of features.
 */
export function trainLogistic(
  examples: readonly Example[],
  penalty: Float64Array,
): Float64Array<ArrayBuffer> {
  let weights = new Float64Array(penalty.length);
  let { loss, gradient } = evaluate(examples, penalty, weights);
  const steps: { moved: Float64Array<ArrayBuffer>; turned: Float64Array<ArrayBuffer>; scale: number }[] = [];
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const direction = descend(gradient, steps);
    const slope = dot(direction, gradient);
    if (slope >= 0) break;
    let length = steps.length === 0 ? 1 / Math.max(1, Math.sqrt(dot(gradient, gradient))) : 1;
    let next = add(weights, direction, length);
    let result = evaluate(examples, penalty, next);
    while (result.loss > loss + 1e-4 * length * slope && length > 1e-10) {
      length /= 2;
      next = add(weights, direction, length);
      result = evaluate(examples, penalty, next);
    }
    const moved = add(next, weights, -1);
    const turned = add(result.gradient, gradient, -1);
    const curvature = dot(moved, turned);
    if (curvature > 1e-12) steps.push({ moved, turned, scale: 1 / curvature });
    if (steps.length > MEMORY) steps.shift();
    const gained = loss - result.loss;
    weights = next;
    loss = result.loss;
    gradient = result.gradient;
    if (gained < TOLERANCE * Math.abs(loss)) break;
  }
  return weights;
}

function evaluate(
  examples: readonly Example[],
  penalty: Float64Array,
  weights: Float64Array,
): { loss: number; gradient: Float64Array<ArrayBuffer> } {
  const gradient = new Float64Array(weights.length);
  let loss = 0;
  for (let index = 0; index < weights.length; index += 1) {
    const [weight = 0, strength = 0] = [weights[index], penalty[index]];
    loss += (strength * weight * weight) / 2;
    gradient[index] = strength * weight;
  }
  for (const { indexes, values, label, weight } of examples) {
    let sum = 0;
    for (let at = 0; at < indexes.length; at += 1) {
      sum += (weights[indexes[at] ?? 0] ?? 0) * (values?.[at] ?? 1);
    }
    const margin = label ? sum : -sum;
    loss += weight * (margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin);
    const error = weight * (1 / (1 + Math.exp(-sum)) - (label ? 1 : 0));
    for (let at = 0; at < indexes.length; at += 1) {
      const index = indexes[at] ?? 0;
      gradient[index] = (gradient[index] ?? 0) + error * (values?.[at] ?? 1);
    }
  }
  return { loss, gradient };
}

function descend(
  gradient: Float64Array,
  steps: readonly { moved: Float64Array<ArrayBuffer>; turned: Float64Array<ArrayBuffer>; scale: number }[],
): Float64Array<ArrayBuffer> {
  let direction = gradient.map((value) => -value);
  const shares: number[] = [];
  for (const { moved, turned, scale } of steps.toReversed()) {
    const share = scale * dot(moved, direction);
    shares.push(share);
    direction = add(direction, turned, -share);
  }
  const last = steps.at(-1);
  if (last) {
    const size = 1 / (last.scale * dot(last.turned, last.turned));
    direction = direction.map((value) => value * size);
  }
  for (const { moved, turned, scale } of steps) {
    direction = add(direction, moved, (shares.pop() ?? 0) - scale * dot(turned, direction));
  }
  return direction;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}

function add(a: Float64Array, b: Float64Array, times: number): Float64Array<ArrayBuffer> {
  const sum = new Float64Array(a.length);
  for (let index = 0; index < a.length; index += 1) sum[index] = (a[index] ?? 0) + times * (b[index] ?? 0);
  return sum;
}
