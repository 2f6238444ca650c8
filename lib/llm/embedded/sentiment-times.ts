/** Parts of patterns about how often and how long. */
export const number =
  "(?:\\d+|two|three|four|five|six|seven|eight|nine|ten|twelve|several|multiple|many|countless|a dozen|hundreds of)";
export const period =
  "(?:minutes?|hours?|days?|weeks?|months?|years?|ages|forever|all (?:day|morning|afternoon|week))";
