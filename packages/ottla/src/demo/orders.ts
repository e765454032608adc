/** An order, as the tutorial has it. */
export interface Order {
  readonly orderId: string;
  readonly customerId: string;
  readonly orderType: string;
  readonly amount: number;
}

const customers = Array.from({ length: 12 }, (_, index) => `customer-${index + 1}`);
const orderTypes = ["created", "confirmed", "shipped", "delivered", "cancelled"];

/** `count` orders from number `first` on, customers in turn, so that every run looks the same. */
export function makeOrders(first: number, count: number): Order[] {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index;
    return {
      orderId: `order-${number}`,
      customerId: customers[(number - 1) % customers.length] ?? "",
      orderType: orderTypes[Math.floor((number - 1) / customers.length) % orderTypes.length] ?? "",
      amount: 10 + ((number * 37) % 990),
    };
  });
}
