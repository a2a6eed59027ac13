export function Console() {
  return <main />;
}
