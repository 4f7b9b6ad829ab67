// The majors of the official library that tests run with: the oldest that shops still use, the newest, and three between.
import Stripe from 'stripe';
import Stripe12 from 'stripe-12';
import Stripe17 from 'stripe-17';
import Stripe20 from 'stripe-20';
import Stripe8 from 'stripe-8';

/** What a major has no method for is in `lacks`, and its flows do that by a plain request. */
export const majors = [
  { library: Stripe8, version: 8, lacks: ['testHelpers.customers.fundCashBalance'] },
  { library: Stripe12, version: 12, lacks: [] },
  { library: Stripe17, version: 17, lacks: [] },
  { library: Stripe20, version: 20, lacks: [] },
  { library: Stripe, version: 23, lacks: [] },
];
