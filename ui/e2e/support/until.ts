/** Waits on a condition, not on the clock: asks until the answer is true, and says what it waited for when it never is. */
export async function until<T>(what: string, ask: () => Promise<T>, limit = 60_000): Promise<NonNullable<T>> {
  const end = Date.now() + limit;
  let last: unknown;
  for (;;) {
    try {
      const found = await ask();
      if (found) return found as NonNullable<T>;
      last = found;
    } catch (error) {
      if (error instanceof Error && error.message.startsWith("podium dev ended")) throw error;
      last = error;
    }
    if (Date.now() > end) throw new Error(`waited ${limit} ms for ${what}; last: ${String(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
