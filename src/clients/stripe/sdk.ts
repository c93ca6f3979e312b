/** Stripe's own client: loaded late, since most configs bill nobody. */
export function loadSdk() {
  return import('stripe')
}
