-- Which matters a property company or an owners' committee leads by the handbook of duties.
SELECT party, category
FROM lake.core_responsibilities
WHERE role = '牵头' AND party IN ('物业', '业委会')
ORDER BY party, category
