// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are references to variables of a configuration.
/** `${NAME}` and `${NAME:-default}` in the strings of a configuration. */

export type Environment = Readonly<Record<string, string | undefined>>;

/** Group 1: an escape. Groups 2 and 3: the name, and what to take where it is unset or empty. */
const reference = /(\$\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/**
 * Fills in the variables of a text; `$${` is a literal `${`. A variable that is unset, and has no default, is a problem; so is a `${`
 * that begins none. The problem never shows a value.
 */
export function expandVariables(
  text: string,
  environment: Environment,
): { readonly text: string; readonly problem?: string } {
  const problems: string[] = [];
  const expanded = text.replace(reference, (_all, escaped, name, fallback) => {
    if (escaped !== undefined) return "${";
    if (name === undefined) {
      problems.push("a reference is written ${NAME} or ${NAME:-default}; write $${ for a literal ${");
      return "";
    }
    const value = environment[name];
    if (fallback !== undefined) return value === undefined || value === "" ? fallback : value;
    if (value === undefined) problems.push(`the environment variable ${name} is not set`);
    return value ?? "";
  });
  return problems.length === 0 ? { text: expanded } : { text, problem: problems.join("; ") };
}
