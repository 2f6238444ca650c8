declare module "@jambonz/schema" {
  /** Validates a list of verbs. */
  export function validateApp(app: readonly unknown[]): {
    valid: boolean;
    errors: readonly { path: string; message: string }[];
  };
}
