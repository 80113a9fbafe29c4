// ReDoc on this Worker's own description, with the fonts of the reader's machine.
const fontFamily = 'system-ui, sans-serif'
Redoc.init(
  '/openapi.json',
  {
    nativeScrollbars: true,
    theme: { typography: { fontFamily, headings: { fontFamily }, code: { fontFamily: 'ui-monospace, monospace' } } },
  },
  document.getElementById('redoc'),
)
