const columnsWithoutTerminal = 80;

/** The terminal's alternate screen with single-key input; restores the terminal when the process exits. */
export class Screen {
  readonly #onKey: (key: string) => void;
  #open = false;

  constructor(onKey: (key: string) => void) {
    this.#onKey = onKey;
  }

  get columns(): number {
    // Some pseudo-terminals report 0 columns.
    return process.stdout.columns || columnsWithoutTerminal;
  }

  open(): void {
    this.#open = true;
    // Alternate screen, hidden cursor (xterm control sequences).
    process.stdout.write('\u001b[?1049h\u001b[?25l');
    process.once('exit', () => this.close());
    if (!process.stdin.isTTY) return;
    process.stdin.setRawMode(true);
    process.stdin.setEncoding('utf8');
    process.stdin.on('data', (text: string | Buffer) => {
      for (const key of String(text)) this.#onKey(key);
    });
    process.stdin.resume();
  }

  draw(lines: readonly string[]): void {
    if (!this.#open) return;
    // Cursor to the top left; clear each line to its end, and the rest of the screen.
    process.stdout.write(`\u001b[H${lines.map((line) => `${line}\u001b[K\r\n`).join('')}\u001b[J`);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdin.pause();
    process.stdout.write('\u001b[?25h\u001b[?1049l');
  }
}
