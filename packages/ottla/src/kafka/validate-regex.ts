import { RE2JS, RE2JSSyntaxException } from "re2js";

/** The answer to `--validate-regex`: brokers take RE2's expressions in subscriptions (KIP-848), which are not Java's. */
export function validateRegex(expression: string): string {
  try {
    RE2JS.compile(expression);
    return `The regular expression \`${expression}\` is valid.\n`;
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    return `The regular expression \`${expression}\` is invalid: ${error.getDescription()}.\n`;
  }
}
