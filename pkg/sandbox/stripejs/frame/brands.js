// Small marks for card brands, drawn here so that the frame loads nothing.

const MARKS = {
  visa: '<rect width="24" height="16" rx="2.5" fill="#1434cb"/><path d="M10.1 5.2 8.7 10.8H7.3L6 6.4c-.1-.4-.2-.5-.5-.7-.5-.2-1.200-.4-1.700-.5l0-.1h2.300c.3 0 .6.2.7.6l.6 3 1.400-3.500h1.300zm5.200 3.800c0-1.500-2-1.600-2-2.200 0-.2.2-.4.6-.5.2 0 .8 0 1.500.3l.3-1.200c-.4-.1-.8-.3-1.400-.3-1.500 0-2.500.8-2.500 1.900 0 .8.7 1.300 1.300 1.600.6.3.8.5.8.7 0 .4-.5.5-.9.5-.8 0-1.200-.2-1.600-.4l-.3 1.300c.4.2 1 .3 1.700.3 1.600 0 2.500-.8 2.500-2zm3.800 1.800h1.300l-1.100-5.600h-1.200c-.3 0-.5.2-.6.4l-2 5.200h1.500l.3-.8h1.700zm-1.500-1.900.7-2 .4 2zm-5.400-3.700-1.100 5.600H9.700l1.100-5.600z" fill="#fff"/>',
  mastercard: '<rect width="24" height="16" rx="2.5" fill="#252525"/><circle cx="9.300" cy="8" r="4.600" fill="#eb001b"/><circle cx="14.700" cy="8" r="4.600" fill="#f79e1b"/><path d="M12 4.270a4.600 4.600 0 0 1 0 7.460 4.600 4.600 0 0 1 0-7.460z" fill="#ff5f00"/>',
  amex: '<rect width="24" height="16" rx="2.5" fill="#016fd0"/><path d="M3 10.600 5.100 5.400h1.800l2.100 5.200H7.500l-.35-.95H4.850l-.35.95zm2.300-2.100h1.400L6 6.700zM9.400 10.600V5.400h1.900l1.200 3 1.200-3h1.900v5.200h-1.250V7.100l-1.350 3.500h-1L10.650 7.100v3.500zM16.500 10.600V5.400h4.200v1.150h-2.900v.85h2.800v1.100h-2.800v.95h2.900v1.150z" fill="#fff"/>',
  discover: '<rect x=".25" y=".25" width="23.500" height="15.500" rx="2.250" fill="#fff" stroke="#d8dbe2" stroke-width=".5"/><path d="M23.750 9.500v4a2.250 2.250 0 0 1-2.250 2.250H9.500c6.500-.9 11-3.300 14.250-6.250z" fill="#f47216"/><circle cx="12.600" cy="7" r="2.150" fill="#f47216"/><path d="M3 5h1.500c1.300 0 2.200.8 2.200 2s-.9 2-2.200 2H3zm1 .9v2.200h.45c.75 0 1.200-.4 1.200-1.100s-.45-1.100-1.200-1.100zM7.400 5h1v4h-1zM15.600 5h1.050l.95 2.500.95-2.500h1.050l-1.650 4h-.75z" fill="#231f20"/>',
  diners: '<rect width="24" height="16" rx="2.5" fill="#0479be"/><circle cx="12" cy="8" r="5.200" fill="#fff"/><path d="M11 4.900a3.300 3.300 0 0 0 0 6.200zm2 0v6.200a3.300 3.300 0 0 0 0-6.200z" fill="#0479be"/>',
  jcb: '<rect x=".25" y=".25" width="23.500" height="15.500" rx="2.250" fill="#fff" stroke="#d8dbe2" stroke-width=".5"/><path d="M4.500 4.500A1.500 1.500 0 0 1 6 3h2.700v8.500A1.500 1.500 0 0 1 7.200 13H4.500z" fill="#0e4c96"/><path d="M9.900 4.500A1.500 1.500 0 0 1 11.400 3h2.700v8.500a1.500 1.500 0 0 1-1.500 1.500H9.900z" fill="#d8163a"/><path d="M15.300 4.500A1.500 1.500 0 0 1 16.800 3h2.700v8.500A1.500 1.500 0 0 1 18 13h-2.700z" fill="#1a9b4b"/>',
  unionpay: '<rect width="24" height="16" rx="2.5" fill="#00447c"/><path d="M5.200 2h5L7.800 14H4.600c-1 0-1.600-.8-1.400-1.800L4.900 3.500" fill="#e21836"/><path d="M10.200 2h5l-2.400 12h-5z" fill="#00598f"/><path d="M15.200 2h4.200c1 0 1.600.8 1.400 1.800L19 12.500c-.2.900-1 1.500-1.900 1.500h-4.300z" fill="#007b84"/>',
  unknown: '<rect x=".5" y="1.500" width="23" height="13" rx="2" fill="currentColor" opacity=".16"/><rect x=".5" y="4" width="23" height="2.500" fill="currentColor" opacity=".4"/><rect x="3" y="9.500" width="6" height="2" rx="1" fill="currentColor" opacity=".4"/>',
  cvc: '<rect x=".5" y="1.500" width="20" height="13" rx="2" fill="currentColor" opacity=".16"/><rect x=".5" y="4" width="20" height="2.500" fill="currentColor" opacity=".4"/><circle cx="18" cy="10" r="5.500" fill="var(--colorBackground)"/><circle cx="18" cy="10" r="4.700" fill="none" stroke="currentColor" stroke-width="1" opacity=".75"/><path d="M15.600 9.200l.9-.5v2.900M17.400 9.300c.3-.8 1.500-.7 1.500.1 0 .7-1.400 1.300-1.500 2.100h1.600" fill="none" stroke="currentColor" stroke-width=".75" opacity=".85"/>',
};

// drawMark gives an svg that is announced by label, or hidden without one.
function drawMark(name, label) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 16');
  svg.setAttribute('class', 'Mark');
  svg.dataset.brand = name;
  if (label) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
  } else {
    svg.setAttribute('aria-hidden', 'true');
  }
  svg.innerHTML = MARKS[name] || MARKS.unknown;
  return svg;
}
