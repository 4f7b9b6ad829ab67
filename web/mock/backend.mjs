export function createMock() {
  return { handle: (_request, _response) => false, setupToken: () => '' };
}
