/**
 * How customers of a real shop behave: quantiles and shares of UCI Online Retail (Chen 2012, CC BY 4.0), December 2010 to March 2011:
 * 4,681 orders and 1,003 cancellations of 2,132 known customers, lines of goods only. Tables without other remark are quantiles
 * at equal distances, from the least to the greatest; where the greatest is a single giant, the table ends at the 98th percentile.
 */

/** Lines of an order. */
export const linesPerOrder = [1, 1, 2, 4, 5, 6, 8, 9, 11, 13, 15, 16, 18, 20, 23, 27, 30, 37, 45, 60, 95];

/** Price of a product, in pence. */
export const productPrices = [
  10, 42, 42, 85, 85, 125, 125, 125, 149, 165, 195, 210, 255, 295, 295, 375, 425, 549, 750, 995, 1695,
];

/** Quantity of a line, by the price of its product: cheap things are bought by the box. */
export const quantities: readonly { readonly belowPence: number; readonly table: readonly number[] }[] = [
  { belowPence: 100, table: [1, 1, 3, 6, 12, 12, 12, 24, 24, 40, 144] },
  { belowPence: 200, table: [1, 1, 2, 3, 6, 9, 12, 12, 12, 24, 100] },
  { belowPence: 400, table: [1, 1, 1, 2, 3, 4, 6, 6, 8, 12, 48] },
  { belowPence: 800, table: [1, 1, 1, 2, 2, 3, 3, 4, 5, 9, 24] },
  { belowPence: Infinity, table: [1, 1, 1, 1, 2, 2, 2, 2, 4, 6, 16] },
];

/** Orders of a customer within four months: how much more some buy than others. */
export const ordersPerCustomer = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 6, 12];

/** Share of orders of which something comes back. */
export const refundShare = 0.21;

/** Share of these that come back whole. */
export const wholeRefundShare = 0.08;

/** Lines of a refund. */
export const linesPerRefund = [1, 1, 1, 1, 1, 1, 2, 2, 3, 4, 11];

/** Days from an order to its refund. */
export const refundDays = [0, 0.004, 0.114, 2.1, 3.9, 5.1, 6.9, 8, 10.2, 16.1, 28.2, 55];

/** Orders by hour of the day, from midnight. */
export const ordersByHour = [0, 0, 0, 0, 0, 0, 0, 9, 121, 364, 590, 594, 779, 661, 568, 531, 264, 120, 44, 33, 3, 0, 0, 0];

/** Orders by day of the week, from Sunday; the shop was closed on Saturdays. */
export const ordersByWeekday = [492, 755, 782, 952, 1006, 694, 0];

/** The most asked-for tenth of the products makes 0.45 of the lines; taking the product at n·u³ gives 0.46. */
export const popularityExponent = 3;
