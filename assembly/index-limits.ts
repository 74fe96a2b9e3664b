/** What the pattern index is built for. */

export const EXACT: u32 = 0;
export const PREFIX: u32 = 1;
export const WILDCARD: u32 = 2;

/** Longest pattern; a URI to be matched may be longer. */
export const URI_BYTES_MAX: u32 = 4096;
/** Components of a wildcard pattern. */
export const COMPONENTS_MAX: u32 = 64;
