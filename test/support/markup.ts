/** A check of markup that is meant to be well-formed: every element closed in order, every attribute quoted, no stray `<` or `&`. */

const tag = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/y;

/** What is wrong, in words; empty when nothing is. A doctype may stand before it, and styles are taken as text. */
export function checkMarkup(text: string): string[] {
  const problems: string[] = [];
  const open: string[] = [];
  let at = /^<!DOCTYPE html>\s*/.exec(text)?.[0].length ?? 0;
  while (at < text.length) {
    if (text[at] === "<") {
      tag.lastIndex = at;
      const found = tag.exec(text);
      if (found === null) return [...problems, `no tag at ${text.slice(at, at + 60)}`];
      const [whole, closing, name, , self] = found;
      if (closing === "/") {
        const last = open.pop();
        if (last !== name) problems.push(`</${name}> closes <${last}>`);
      } else if (self !== "/") open.push(name!);
      at += whole.length;
    } else {
      const next = text.indexOf("<", at);
      const content = text.slice(at, next < 0 ? text.length : next);
      if (/&(?!#\d+;|[a-z]+;)/.test(content)) problems.push(`a stray & in ${content.slice(0, 60)}`);
      at += content.length;
    }
  }
  return open.length === 0 ? problems : [...problems, `left open: ${open.join(" ")}`];
}
