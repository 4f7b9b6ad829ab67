// Server-sent events from text chunks, as the HTML standard parses them. Pure.
// We read them with fetch instead of EventSource: it shows comments (so silence is noticed) and the HTTP status.

export interface SseEvent {
  type: string;
  data: string;
}

const MAX_BUFFER_CHARACTERS = 1 << 20;

export class SseParser {
  private buffer = '';
  private type = '';
  private data: string[] = [];

  // The events that this chunk completed. Throws when a line or event never ends.
  push(chunk: string): SseEvent[] {
    const events: SseEvent[] = [];
    this.buffer += chunk;
    let match: RegExpExecArray | null;
    // A lone CR at the very end may be half of a CRLF: wait for the next chunk.
    const ending = /\r\n|\n|\r(?!$)/g;
    let start = 0;
    // biome-ignore lint/suspicious/noAssignInExpressions: the usual loop over matches
    while ((match = ending.exec(this.buffer)) !== null) {
      const event = this.line(this.buffer.slice(start, match.index));
      if (event) events.push(event);
      start = match.index + match[0].length;
    }
    this.buffer = this.buffer.slice(start);
    const held = this.data.reduce((sum, line) => sum + line.length, this.buffer.length);
    if (held > MAX_BUFFER_CHARACTERS) throw new Error('event too large');
    return events;
  }

  private line(line: string): SseEvent | null {
    if (line === '') {
      const event =
        this.data.length > 0 ? { type: this.type || 'message', data: this.data.join('\n') } : null;
      this.type = '';
      this.data = [];
      return event;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.type = value;
    else if (field === 'data') this.data.push(value);
    return null;
  }
}
